"""The words by which an answer is given, in English, French, German, Spanish and Italian. Patterns only, all of bounded length.

Where a text is searched, it is by the word that a cue begins with (`Cue.first`); a pattern is then matched at that place.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

ANSWERS = "answer|answers|ans|réponse|reponse|antwort|lösung|loesung|respuesta|risposta|resposta|ответ"
FITTING_WORDS = (
    "correct|right|best|true|false|incorrect|untrue|closest|nearest|final|appropriate|likely|suitable|accurate|plausible|reasonable"
    "|matching|only|valid|bonne|correcte|exacte|juste|meilleure|vraie|fausse|richtige|korrekte|beste|zutreffende|passende|falsche"
    "|richtig|korrekt|correcta|incorrecta|verdadera|corretta|giusta|correta"
)
THINGS = (
    "answer|option|choice|statement|alternative|alternativa|proposition|match|fit|value|letter|response|solution|one|assertion|conclusion"
    "|description|explanation|condition|pair|order|sequence|combination|expression|formula|equation|example|term|guess|réponse|choix"
    "|affirmation|valeur|antwort|aussage|möglichkeit|antwortmöglichkeit|auswahl|lösung|wert|opción|respuesta|afirmación|opzione"
    "|risposta|affermazione|opção"
)
CORRECT_BEHIND = "correcte|exacte|correcta|corretta|giusta|correta"
IS_WORDS = (
    r"is|are|was|were|would be|will be|should be|must be|has to be|can be|could be|may be|might be|seems to be"
    r"|appears to be|remains"
    r"|becomes|est|serait|sera|doit être|ist|lautet|wäre|sei|sind|es|sería|è|sarebbe|é|seria"
)
IS = rf"(?:(?<![^\W_])(?:{IS_WORDS})(?![^\W_])|是|为)"
THE = r"(?:(?:the|la|le|die|der|das|den|el|il|a|our|my)\s+|l')"


@dataclass(frozen=True)
class Cue:
    """A pattern, and the lower-case words that what it matches can begin with."""

    pattern: re.Pattern[str]
    first: frozenset[str]


def _cue(pattern: str, first: str) -> Cue:
    words = frozenset(word.split()[0].split("'")[0] for word in first.split("|"))
    return Cue(re.compile(rf"(?:{pattern})(?![^\W_])", re.IGNORECASE), words)


# "The answer", "the correct option", "la réponse correcte", "my choice".
GIVES = _cue(
    rf"(?:{ANSWERS})\.?(?!\s+(?:choices|options)\b)|(?:{FITTING_WORDS})\s+(?:(?!is\b|are\b|ist\b"
    rf"|est\b)[^\W\d_]+\s+)?(?:{THINGS})"
    rf"|(?:{THINGS})\s+(?:{CORRECT_BEHIND})|(?:my|our)\s+(?:final\s+)?(?:choice|pick|guess|selection)"
    r"|the\s+(?:option|choice|statement)(?=\s+(?:that|which)\b)|(?<=\bis )correct|richtig(?=\s+ist)|(?<=\best )correct"
    r"|solution(?=\s+is\b|\s*[*_]{0,3}:)|(?:option|choice|letter)(?=\s*:)",
    f"{ANSWERS}|{FITTING_WORDS}|{THINGS}|my|our|the",
)
GIVES_UNSPACED = re.compile("答案|答え|정답")
NAMES_THE_ANSWER = re.compile(rf"{ANSWERS}|option|choice|opción|opzione|opção", re.IGNORECASE)
# From such words to the place where the answer stands: "to the question is", ":".
LINK = re.compile(
    r"[*_'\")\]]{0,4}(?P<gap>(?:\s+(?:choice|option|letter)\b|\s*\([^()\n]{0,30}\)|\s+[^.!?;:\n=]{1,80}?)??)"
    rf"[*_'\")\]]{{0,4}}(?:\s*(?:{IS}|[:=>]|→|-+>|\s-\s)[*_]{{0,4}})",
    re.IGNORECASE,
)
LINK_DENIED = re.compile(
    r"\s*(?:(?:can ?not|can't|won't|should ?n[o']t|could ?n[o']t)\s+be|isn't|is\s+not|n'est pas|ist nicht|no es|não é"
    r"|non è)(?![^\W_])",
    re.IGNORECASE,
)
FILLER = re.compile(
    r"(?:[\s,]{0,3}(?:therefore|thus|then|hence|so|clearly|simply|probably|most likely|likely|indeed|also|still|now"
    r"|actually|definitely"
    r"|certainly|given by|as follows|indicated by|represented by|just|obviously|in fact|donc|alors|ainsi|bien|somit"
    r"|daher|also|folglich"
    r"|demnach|por tanto|por lo tanto|quindi|dunque|is|est|ist|:)(?![^\W_])){1,6}[ ,:]{0,4}",
    re.IGNORECASE,
)

CHOOSES = _cue(
    r"(?:(?:I|we|you|let's|let us|one|would|will|should|must|can|to|therefore,?|thus,?|so,?)(?:'d|'ll)?\s+)"
    r"(?:(?:would|will|should|must|can|have to|could|had|to|go|now|therefore)\s+){0,2}"
    r"(?:choose|select|pick|go with|mark|guess|opt for|settle on|conclude)"
    r"|(?:I'm|I am|we are|we're)?\s*going with|(?:choose|select|pick|mark)(?=\s+(?:option|answer|choice|the letter|\())"
    r"|je choisis|on choisit|nous choisissons|il faut choisir|ich wähle|wir wählen|entscheide ich mich für|elijo"
    r"|elegimos|scelgo|scegliamo"
    r"|(?:closest|nearest|best)(?:\s+\w+){0,2}\s+(?:match|matches)\s+to"
    r"|(?:corresponds|correspond|corresponding|matches|equivalent|points|leads|leaving|leaves)(?:\s+(?:to|us|only|with"
    r"|us with|best))?"
    r"|entspricht|correspond à|corresponde a|corrisponde a",
    "I|we|you|let|going|choose|select|pick|mark|one|would|will|should|must|can|to|therefore|thus|so|je|on|nous|il|ich|wir|entscheide|elijo|elegimos|scelgo|scegliamo"
    "|closest|nearest|best|corresponds|correspond|corresponding|matches|equivalent|points|leads|leaving|leaves|entspricht|corresponde"
    "|corrisponde|i",
)
CHOOSES_FILLER = re.compile(
    r"\s+(?:(?:that|the|is|option|choice|answer|value|best|closest|correct|most|likely|one|is:|with|to|us)\s+){0,4}",
    re.IGNORECASE,
)
NOT_CHOSEN = re.compile(r"\b(?:not|never|avoid|n't|nicht|nie|jamais|if)\s+(?:\w+\s+)?$", re.IGNORECASE)

# "(B) is the correct answer", "..., which is the answer": what is meant stands before.
IS_THE_ANSWER = _cue(
    rf"{IS}\s+(?:(?:therefore|thus|then|hence|clearly|indeed|donc|also|somit|daher)\s+)?{THE}(?:most\s+|only\s+)?"
    rf"(?:(?:{FITTING_WORDS})\s+)?(?:answer|option|choice|réponse|antwort|lösung|respuesta"
    rf"|risposta)(?:\s+(?:{CORRECT_BEHIND}))?"
    r"(?!\s*(?:is\b|:|to be\b|choice\s+\())",
    IS_WORDS,
)
# "is correct", behind a label and what is said of it.
IS_RIGHT = re.compile(
    rf"\s*(?:[-,:]\s*)?(?:[^.\n;()]{{0,120}}?\s)??(?:{IS}|(?:seems|appears|looks)(?=\s+(?:correct|right|best)\b))\s+(?:(?:therefore|thus|then|the|most|indeed|clearly|also|donc|la"
    rf"|le|die|der|das)\s+)"
    rf"{{0,3}}(?:{FITTING_WORDS}|zutreffend|correto|corretto|giusto)(?![^\W_])(?!\s+(?:that|about|if|only|when|unless)\b)",
    re.IGNORECASE,
)
IS_WRONG = re.compile(
    r"[^.\n;]{0,60}?(?:\b(?:partly|partially|teilweise|en partie|in part)\b|'s\s+(?:incorrect|wrong|false|not)\b"
    r"|\b(?:is|was|are|seems|would be|ist|est)\s+(?:also\s+)?"
    r"(?:incorrect|wrong|false|not\b|n't|falsch|fausse?|nicht|pas\b|inconsistent|impossible)"
    r"|(?:isn't|n'est pas|can ?not be|cannot|does not|doesn't))",
    re.IGNORECASE,
)

NONE = re.compile(
    r"\b(?:none|neither|no one|not? any) of\b|\bnone\b(?=\W*$)"
    r"|\bnot (?:\w+ )?(?:among|listed|given|provided|present|available|included|one of|in the|an? (?:option|choice)"
    r"|any of|possible|clear)"
    r"|\bno (?:correct|right|valid|such|matching|suitable) (?:answer|option|choice)|\bno(?:ne)? (?:option|answer|choice)\b"
    r"|\bnone (?:are|is|match|fit)"
    r"|\b(?:can ?not|can't|could not|unable to) (?:\w+ )?(?:be )?(?:determin|answer|provid|comput|calculat|select"
    r"|choose|chosen)"
    r"|\bdoes ?n[o']t (?:match|correspond|appear|exist)|\bdo ?n[o']t match|\baucune d|\bkeine der|\bkeine von"
    r"|\bne figure pas|\bninguna"
    r"|\bnessuna",
    re.IGNORECASE,
)
STILL = re.compile(
    r"\b(?:but|however|closest|nearest|best|most|so|therefore|except|apart from|other than|aber|mais|pero)\b", re.IGNORECASE
)
NOT = re.compile(
    r"\s*[*_]{0,3}(?:not|nicht|pas|no)\b[*_]{0,3}(?!\s+(?:listed|among|given|provided|one|in|any|an?\s+(?:option"
    r"|choice)|present|available|included"
    r"|possible))\s*",
    re.IGNORECASE,
)
NOT_BEFORE = re.compile(
    r"\b(?:not|nicht|pas|no|rather than|instead of|than|unlike|except)\s+(?:the\s+)?(?:option|choice|answer)?\s*[(\[]*$",
    re.IGNORECASE,
)
DENIES = re.compile(
    r"\b(?:not|nor|neither|no|none|without|nicht|pas|kein\w*|except|eliminat\w*|rul\w+ out|exclud\w*|incorrect|wrong|cannot"
    r"|unlike|discard\w*|reject\w*|dismiss\w*|discount\w*|disregard\w*|cross\w* out|strik\w+ out|refut\w*|against|unlikely"
    r"|(?<!at )least|élimin\w+|exclu\w*|écart\w+|rejet\w+|streich\w*|verw[ei]rf\w*|schließ\w*|ausschließ\w*"
    r"|ausgeschlossen|falsch\w*"
    r"|(?:is|was|are|do|does|did|wo|should|could|would|were|has|have|had|ca|must|need)n?['\s]?(?<=n['\s])t)\b",
    re.IGNORECASE,
)
CONSIDERS = re.compile(
    r"\b(?:let's|let us|consider\w*|check\w*|examin\w*|start\w*|look\w*|evaluat\w*|now|first|next|turn\w*|compar\w*|contrast\w*"
    r"|betracht\w*|prüf\w*|untersuch\w*|considér\w*|vérifi\w*|analys\w*|each|every|jede\w*|chaque|walk\w*|through"
    r"|differ\w*|opposite|close\s+to|less\s+than|more\s+than|never)\b",
    re.IGNORECASE,
)
# What may follow a label that is said to be the answer, where something follows: "Option B fits best", "B, since ...".
AFFIRMS = re.compile(
    r"[\s*_]{0,4}(?:$|[.,:;)\n\"'!(-]|(?:alone|best|clearly|only|really|also|then|therefore|thus)?\s*(?:fit|match|hold|work|satisf|appl"
    r"|remain|suit|stimmt|trifft\s+zu|passt|bleibt|convient|correspond)\w*(?!\s+(?:only|partly|partially|not|nicht|if|when|poorly|badly))"
    r"|(?:as|because|since|for|which|where|with|and|from|by|to|in|on|above|below|weil|da|denn|car|puisque)\b)",
    re.IGNORECASE,
)
# "Answer B, however, ..." goes on about it.
CONTRASTS = re.compile(
    r"[\s*_)]{0,4},\s+(?:however|though|on\s+the\s+other|by\s+contrast|in\s+contrast|dagegen|hingegen|en\s+revanche)\b",
    re.IGNORECASE,
)
# "Answer: A is out": the label is what the sentence is about, not what it gives.
SUBJECT = re.compile(r"[ ]+(?:is|was|ist|est|cannot|can't|fails|does|would|violates)\b", re.IGNORECASE)
JOINS_BEFORE = re.compile(r"\b(?:whether|if|or|and|nor)\s+(?:option\s+)?[(\[*]*$", re.IGNORECASE)
INSTEAD = re.compile(
    r"[\s,.;]*(?:but(?:\s+rather)?|rather|instead|it is|it's|sondern|mais(?:\s+plutôt)?|sino|ma|bensì)\s+", re.IGNORECASE
)
# Before "answer B" where nothing but that is said: "So this must be answer B".
ONLY_LEADS = re.compile(
    r"(?:[\W_]|(?:so|thus|hence|therefore|and|then|it|it's|this|that|that's|is|was|be|must|should|means|gives|leaves|final|correct|right"
    r"|best|the|my|our|we|get|have|consequently|finally|overall|indeed|donc|ainsi|c'est|c|est|la|le|l|bonne|bien|alors|meilleure"
    r"|somit|also|daher|folglich|das|es|ist|die|der|richtige|beste|por|tanto|quindi|è|il)(?![^\W_]))*+",
    re.IGNORECASE,
)
BOX = re.compile(r"(?:\\boxed|\\fbox|\x08oxed|(?<![^\W_])boxed)\s?\{")
CONCLUDES = re.compile(
    r"\W*(?:(?:so|thus|hence|therefore|in conclusion|consequently|then|finally|as a result|overall|donc|ainsi|also"
    r"|somit|daher|folglich"
    r"|and)\b[\s,]*){1,2}",
    re.IGNORECASE,
)
END = re.compile(r"(?:[.?]|(?<!\d)!)(?=[\s*\"')\]}$]|$)|\n")  # "5!" is a number
WORD = re.compile(r"[^\W\d_]+")
