// A citation shows its passage when it is pointed at, and its page in the frame beside the answer when it is clicked. Where there
// is no such frame it opens as any link does.
const LEADS = 'a[href^="read/"]';
const passages = new Map();
const shown = Object.assign(document.createElement("div"), { id: "ct-tip", role: "tooltip", hidden: true });

// The page speaks one of three languages: the one set, or the browser's first, as Gradio chooses it.
const { language: setting, words } = document.currentScript.dataset;
const own = (setting === "auto" ? navigator.language : setting).split("-")[0].toLowerCase();
const WORDS = JSON.parse(words);
const language = own in WORDS ? own : "en";
document.documentElement.lang = language;

document.addEventListener("click", (event) => {
  const link = event.target.closest(LEADS);
  const frame = document.querySelector("iframe.ct-page");
  if (!link || !frame || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  hide();
  frame.src = link.getAttribute("href");
  const { top } = frame.getBoundingClientRect();
  if (top < 0 || top > innerHeight / 2) frame.scrollIntoView({ block: "nearest", behavior: "smooth" });
});

// The marked passage is what is looked for: a page opens where it begins, below the page's own header.
document.addEventListener("load", (event) => {
  const inside = event.target.matches?.("iframe.ct-page") && event.target.contentDocument;
  const mark = inside && inside.querySelector("figure i, mark");
  if (!mark) return;
  const covered = inside.querySelector("header").offsetHeight + 24;
  inside.defaultView.scrollTo(0, mark.getBoundingClientRect().top + inside.defaultView.scrollY - covered);
}, true);

async function show(event) {
  const link = event.target.closest?.(`#chat ${LEADS}`);
  if (!link) return;
  const address = link.getAttribute("href").replace("?", "/text?");
  if (!passages.has(address)) {
    const answer = await fetch(address).catch(() => null);
    if (!answer?.ok) return;
    passages.set(address, await answer.text());
  }
  if (!link.matches(":hover, :focus-visible")) return;
  shown.textContent = passages.get(address);
  document.body.append(shown);
  shown.hidden = false;
  link.setAttribute("aria-describedby", shown.id);
  const at = link.getBoundingClientRect();
  const below = at.bottom + shown.offsetHeight + 8 < innerHeight;
  shown.style.left = `${Math.max(8, Math.min(at.left, innerWidth - shown.offsetWidth - 8))}px`;
  shown.style.top = `${Math.max(8, below ? at.bottom + 4 : at.top - shown.offsetHeight - 4)}px`;
}

function hide() {
  shown.hidden = true;
}

document.addEventListener("pointerover", show);
document.addEventListener("focusin", show);
for (const end of ["pointerout", "focusout", "scroll"]) document.addEventListener(end, hide, true);
document.addEventListener("keydown", (event) => event.key === "Escape" && hide());

// Who has the page read aloud hears an answer once, when it is whole: Gradio's log would be read at every word.
const spokenOf = (message) => [...message.querySelectorAll(".prose")].map((part) => part.innerText).join("\n");
const told = Object.assign(document.createElement("div"), { className: "ct-spoken", role: "status" });
let onItsWay = false;

function announce() {
  if (!told.isConnected && document.body) document.body.append(told);
  const running = Boolean(document.querySelector("#question .stop-button"));
  if (onItsWay && !running) {
    const answers = document.querySelectorAll("#chat .bot.message");
    if (answers.length) told.textContent = spokenOf(answers[answers.length - 1]);
  } else if (!onItsWay && running) {
    told.textContent = "";
  }
  onItsWay = running;
}

// What Gradio's own markup says wrongly, or does not say: a log that is read at every change, a list whose children are no
// items, buttons that are a sign alone.
function mend() {
  for (const [button, name] of [["submit", "spoken_send"], ["stop", "spoken_stop"]]) {
    for (const one of document.querySelectorAll(`#question .${button}-button:not([aria-label])`)) {
      one.setAttribute("aria-label", WORDS[language][name]);
    }
  }
  // Its label holds the button too, which is none of its name.
  const box = document.querySelector("#question textarea:not([aria-label])");
  if (box?.placeholder) box.setAttribute("aria-label", box.placeholder);
  for (const log of document.querySelectorAll('#chat [aria-live="polite"]')) log.setAttribute("aria-live", "off");
  for (const list of document.querySelectorAll('#chat .examples[role="list"]')) list.setAttribute("role", "group");
}

// Gradio names a message by its Markdown; who has it read aloud hears the numbers alone.
new MutationObserver(() => {
  announce();
  mend();
  for (const message of document.querySelectorAll('#chat [aria-label*="](read/"]')) {
    message.setAttribute("aria-label", message.getAttribute("aria-label").replace(/\[((?:\[\d+\])|[^\]]*)\]\(read\/[^)]*\)/g, "$1"));
  }
}).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ["aria-label"] });

// A conversation becomes a file here, of the browser's own making: nothing of it stays on the server.
window.courseTutor = {
  // The address names the course that is shown, so that a reload shows it again.
  named(course) {
    const address = new URL(location.href);
    address.searchParams.set("course", course);
    history.replaceState(null, "", address);
  },
  save(text, course) {
    if (!text) return;
    const day = new Date().toLocaleDateString("sv"); // 2026-01-31
    const address = URL.createObjectURL(new Blob([text], { type: "text/markdown;charset=utf-8" }));
    Object.assign(document.createElement("a"), { href: address, download: `course-tutor-${course}-${day}.md` }).click();
    setTimeout(() => URL.revokeObjectURL(address), 60000);
  },
};
