// A citation shows its passage when it is pointed at, and its page in the frame beside the answer when it is clicked. Where there
// is no such frame it opens as any link does.
const LEADS = 'a[href^="read/"]';
const passages = new Map();
const shown = Object.assign(document.createElement("div"), { id: "ct-tip", role: "tooltip", hidden: true });

document.addEventListener("click", (event) => {
  const link = event.target.closest(LEADS);
  const frame = document.querySelector("iframe.ct-page");
  if (!link || !frame || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  hide();
  frame.src = link.getAttribute("href");
  frame.scrollIntoView({ block: "nearest", behavior: "smooth" });
});

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

// Gradio names a message by its Markdown; who has it read aloud hears the numbers alone.
new MutationObserver(() => {
  for (const message of document.querySelectorAll('#chat [aria-label*="](read/"]')) {
    message.setAttribute("aria-label", message.getAttribute("aria-label").replace(/\[((?:\[\d+\])|[^\]]*)\]\(read\/[^)]*\)/g, "$1"));
  }
}).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ["aria-label"] });

// A conversation becomes a file here, of the browser's own making: nothing of it stays on the server.
window.courseTutor = {
  save(text, course) {
    if (!text) return;
    const day = new Date().toLocaleDateString("sv"); // 2026-01-31
    const address = URL.createObjectURL(new Blob([text], { type: "text/markdown;charset=utf-8" }));
    Object.assign(document.createElement("a"), { href: address, download: `course-tutor-${course}-${day}.md` }).click();
    setTimeout(() => URL.revokeObjectURL(address), 60000);
  },
};

// The page speaks one of three languages: the one set, or the browser's first, as Gradio chooses it.
const setting = document.currentScript?.dataset.language ?? "auto";
const spoken = (setting === "auto" ? navigator.language : setting).split("-")[0].toLowerCase();
document.documentElement.lang = ["en", "fr", "de"].includes(spoken) ? spoken : "en";
