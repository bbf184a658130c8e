"""What is said of an answer and not meant as the answer: supposed, doubted, quoted, another's, another question's.

Patterns only, all of bounded length.
"""

from __future__ import annotations

import re

# "if the answer is A", "one might think that the answer is A": not said to be so.
SUPPOSED = re.compile(
    r"\b(?:if|whether|si|ob|falls|suppose|assuming|unless|when|(?:might|may|could|would|to) think|thought|claims?|claimed"
    r"|said)\s+(?:that\s+)?(?:the\s+|its\s+|your\s+)?"
    r"(?:\w+\s+)?$",
    re.IGNORECASE,
)
# What is to be written, or might be, in quotation marks: "finish with 'The answer is A'".
QUOTED = re.compile(
    r"\b(?:(?:finish|end|close|conclude|reply|respond|answer|write|output|format\w*)\s+(?:\w+\s+)?(?:with|in|by|as)|write|say|type"
    r"|e\.g\.?|i\.e\.?|example|such\s+as|like|form(?:at)?)(?:\s+(?:the|a|is))?(?:\s+(?:words?|phrase|sentence|form|line))?[\s:,(]{1,3}"
    r"[\"'](?=[^\"'\n]{0,60}$)",
    re.IGNORECASE,
)
# "I do not think that the answer is B", "many would say the answer is B".
DOUBTED = re.compile(
    r"\b(?:(?:not|never|don't|doesn't|didn't|can't|cannot|couldn't|wouldn't|won't|isn't|wasn't)\s+(?:\w+\s+)?"
    r"(?:think|believe|say|mean|agree|follow|imply|conclude|claim|assume|suggest|true|certain|sure|clear|correct|right|the\s+case)"
    r"|says|convinced|no\s+way|nothing\s+\w+|könnte\s+meinen|pourrait\s+croire|told\s+\w+|claims?|claimed|thought|suppose|assum\w+|perhaps|maybe|possibly"
    r"|false|untrue|incorrect|wrong|doubt\w*|den(?:y|ies)|unlikely|mistake|error|tempt\w+|trap|misconception|wrongly|unclear|unsure"
    r"|(?:students?|people|readers?|others?|many|most|some|someone|one|they|you|he|she)\s+(?:(?:might|may|could|would|will|often|wrongly"
    r"|mistakenly|also)\s+){0,2}(?:say|think|claim|assume|guess|argue|believe|answer|suggest|object|conclude)s?"
    r"|(?:bezweifle\w*|glaube\s+nicht|denke\s+nicht|falsch|doute|faux|crois\s+pas|pense\s+pas)"
    r")(?:\s*(?:,?\s*(?:that|dass|que)|to|is|was|be|say|think|it|the|its|correct|right|final|best|die|la|richtige|bonne)\b)*+\s*$",
    re.IGNORECASE,
)
# "If x were zero, the answer would be A."
ONLY_IF = re.compile(r"\b(?:if|were|had|unless|suppos\w+|assum\w+|wenn|falls|si)\b", re.IGNORECASE)
WOULD_BE = re.compile(r"\b(?:would be|wäre|serait|sería|sarebbe)\W*$", re.IGNORECASE)
MIGHT_BE = re.compile(r"\b(?:could be|may be|might be)\W*$", re.IGNORECASE)
MISTAKEN = re.compile(
    r"(?:incorrect|untrue|false|falsche|fausse)\s+(?:\w+\s+)?(?:answer|option|choice|antwort|réponse)", re.IGNORECASE
)
# "the wrong answer is A", "not the correct answer", "for the answer".
OTHER_ANSWER = re.compile(
    r"\b(?:(?<!at )least|worst|unlikely|naive|tempting|second-best|sample|example|student)\s+(?:\w+\s+)?$"
    r"|\b(?:incorrect|wrong|previous|old|initial|student's|falsche|mauvaise|not\s+(?:the|an?)|for\s+(?:the|an)|no"
    r"|none\s+of\s+the)\s+"
    r"(?:\w+\s+)?$|\b(?:second|third|next)[- ]$",
    re.IGNORECASE,
)

# "B is the answer only if x is positive", "Option B is correct, I first thought".
CONDITIONAL = re.compile(
    r"[\s*_)\]}$,]{0,6}(?:only\s+)?(?:if|unless|falls|wenn|si)\b|,\s+(?:I|we|one|some|many|you)\s+(?:\w+\s+)?(?:thought|believed|assumed)\b",
    re.IGNORECASE,
)

# Somewhere in the sentence before: "At first glance, the answer is B", "Only a fool would say the answer is B".
HEDGED = re.compile(
    r"\b(?:(?:at|on)\s+(?:a\s+)?first\s+(?:glance|sight|look|impression|thought|inspection|reading)|on\s+the\s+(?:face\s+of\s+it|surface)"
    r"|superficially|na[iï]vely|(?:only\s+)?(?:a|an|any)\s+(?:\w+\s+)?(?:fool|novice|beginner|amateur|student|reader|layman|person)\s+"
    r"(?:would|might|may|could)|(?:one|you|we|some|many|people|students|it)\s+(?:might|may|could|would)\s+(?:well\s+|easily\s+|also\s+|first\s+)?"
    r"(?:be\s+)?(?:think|expect|guess|believe|assume|suppose|say|seem|appear|tempted|argue|conclude\s+wrongly)"
    r"|(?:viele|manche|einige|man)\s+(?:denk|glaub|mein|sag|halt)\w+|(?:beaucoup|certains|plusieurs|on)\s+(?:pense|croi|di[ts])\w*"
    r"|auf\s+den\s+ersten\s+blick|man\s+(?:könnte|möchte|würde)\s+(?:\w+\s+){0,2}(?:meinen|denken|glauben|annehmen|sagen)"
    r"|(?:à|de)\s+(?:première\s+vue|prime\s+abord)|on\s+pourrait\s+(?:\w+\s+)?(?:croire|penser|dire|supposer)"
    r"|a\s+primera\s+vista|a\s+prima\s+vista)(?![^\W_])",
    re.IGNORECASE,
)
# Before "option:" or "answers:", which then opens a list: "Let's go through each option: A) ...", "Possible answers: ...".
EACH = re.compile(
    r"\b(?:each|every|all|any|both|first|second|third|fourth|next|remaining|possible|potential|following|given|available|of|these|those"
    r"|\d|jede\w*|alle\w*|mögliche\w*|folgende\w*|chaque|tou\w+|possibles?|suivante?s?"
    r"|to\s+(?:find|determine|get|identify|answer|see|choose|select)|um)\s+(?:(?:of\s+)?the\s+|die\s+|la\s+|les\s+)?"
    r"(?:answer\s+|correct\s+|right\s+|best\s+)?$",
    re.IGNORECASE,
)
# Behind it, what was said before holds no longer: "At first glance it is A, but the answer is B".
CONTRAST = re.compile(r"\b(?:but|however|yet|though|aber|jedoch|mais|cependant|pero|ma|però)\b", re.IGNORECASE)
# "The answer to the previous question was B", "the answer that most people give is B".
ELSEWHERE = re.compile(
    r"\b(?:previous|preceding|earlier|last|other|next|following|vorige\w*|letzte\w*|nächste\w*|précédente?|dernière|anterior|precedente)\s+"
    r"(?:question|problem|exercise|item|quiz|frage|aufgabe|exercice|pregunta|domanda)"
    r"|^\s+(?:given|listed|marked|provided|wrong|incorrect|possible|fausse|incorrecte|falsche?|possible|plausible|tentante)\s*$|\b(?:most|many|some|few|other|certain)\s+(?:\w+\s+)?(?:people|students|readers|novices|textbooks)\b",
    re.IGNORECASE,
)
# Behind a label: "The answer was B in the previous question".
IN_ANOTHER = re.compile(
    rf"[\s*_)\]]{{0,4}}(?:in|to|for|on|of|bei|dans|de|en)\s+(?:the\s+|my\s+|der\s+|la\s+)?(?:{ELSEWHERE.pattern})",
    re.IGNORECASE,
)
# Behind "B is the answer".
OF_OTHERS = re.compile(
    r"[\s*_)]{0,4}(?:that\s+|which\s+)?(?:most|many|some|few|(?:people|students|you|one)\s+(?:might|would|may|could|often|usually|give|choose))\b",
    re.IGNORECASE,
)
# "Vitamin B is the answer": no label.
CLASSIFIED = re.compile(
    r"\b(?:vitamins?|hepatitis|influenza|plan|type|group|class|grade|phase|blood|strain|company|country|planet|star|player"
    r"|team|person|compound|substance|gas|particle|set|event|node|vertex|vector|matrix|typ|gruppe|klasse|vitamine|groupe|classe)\s+$",
    re.IGNORECASE,
)
# "Option B would be right for a gas".
UNDER_CONDITIONS = re.compile(r"[\s*_)\]]{0,4}(?:for|in|of|under|with|at|when|as|für|bei|pour|dans)\b", re.IGNORECASE)
# "Answer: A and B cannot both hold".
PAIRED = re.compile(
    r"[\s*_)]{0,4}(?:and|or|und|oder|et|ou)\s+\(?[A-Z]\)?\s+(?:can|are|both|is|were|do|fail|sind|sont)\w*\b", re.IGNORECASE
)
