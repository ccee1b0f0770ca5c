// What scripts of panes share that show one model's view of a text: words in the page's language,
// probabilities as bars, and wishes that the server fulfils.
//
// `root` is the pane; its `data-wish` holds, as JSON, what the server is to be asked for besides
// what the controls say. "input" asks. What comes becomes the wish, unless there is a newer one.
const root = element.querySelector(".pane");
const words = JSON.parse(root.dataset.words);
// Probabilities at which a bar may be as long as can be.
const FULL = [0.1, 0.2, 0.35, 0.5, 0.75, 1];

const spoken = () => (document.documentElement.lang.startsWith("zh") ? 1 : 0);

function say(key, values = {}) {
  return words[key][spoken()].replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

function make(tag, className = "", text = "", more = {}) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== "") made.textContent = text;
  for (const name in more) made.setAttribute(name, more[name]);
  return made;
}

// A token as it can be read, its white space with signs.
const shown = (text) => props.value?.signs?.[text] ?? text;

function percent(p) {
  if (p === 0) return "0";
  if (p < 0.0005) return "<0.1 %";
  return `${(100 * p).toFixed(1)} %`;
}

// A table of candidates, [id, text, p, q] each, with a bar for either probability.
function bars(candidates, heads, { drawn = null, pick = null, rest = "" } = {}) {
  const table = make("table", "odds");
  const line = table.createTHead().insertRow();
  heads.forEach((name, index) => {
    const cell = make("th", index < 2 ? "" : ["p", "q"][index - 2], name, { scope: "col" });
    if (index === 1) cell.textContent = "";
    line.append(cell);
  });
  const most = Math.max(...candidates.flatMap((one) => [one[2], one[3]]));
  const full = FULL.find((end) => most <= end) ?? 1;
  const body = table.createTBody();
  const add = (name, p, q, className) => {
    const row = body.insertRow();
    row.className = className;
    row.append(name);
    const bar = row.insertCell();
    bar.className = "twin";
    for (const [kind, value] of [["p", p], ["q", q]]) {
      const mark = make("i", kind);
      mark.style.width = `${Math.min(100, (100 * value) / full)}%`;
      bar.append(mark);
    }
    for (const [kind, value] of [["p", p], ["q", q]]) row.append(make("td", kind, percent(value)));
  };
  for (const [id, text, p, q] of candidates) {
    const name = make("th", "", "", { scope: "row" });
    const is = id !== null && id === drawn;
    if (pick) {
      const button = make("button", "", shown(text), { type: "button", "data-id": id });
      button.title = say(is ? "drawn" : "branch", { token: shown(text) });
      if (is) button.setAttribute("aria-current", "true");
      button.addEventListener("click", () => pick(id, is));
      name.append(button);
    } else name.textContent = shown(text);
    add(name, p, q, is ? "drawn" : "");
  }
  if (rest) {
    const left = (at) => Math.max(0, 1 - candidates.reduce((sum, one) => sum + one[at], 0));
    add(make("th", "", rest, { scope: "row" }), left(2), left(3), "rest");
  }
  return table;
}

// The model that this pane is to show; none where fewer are chosen than there are panes.
const mine = () => JSON.parse(root.dataset.models)[Number(root.dataset.side)] ?? "";

function ask(wish) {
  if (wish) root.dataset.wish = JSON.stringify(wish);
  root.hidden = !mine();
  if (!root.hidden) trigger("input");
}

// Notes what has come as the wish; a newer one is left as it is.
function came(wish) {
  if (root.dataset.wish === root.dataset.sent) root.dataset.wish = JSON.stringify(wish);
}

// Fills the parts of a pane that the server wrote.
function frame(value) {
  for (const name of ["title", "aside", "notes", "facts"])
    root.querySelector(`[data-${name}]`).innerHTML = value[name] ?? "";
}

// Others were chosen: what is asked of another model begins anew.
root.addEventListener("aigc-models", () => {
  root.hidden = !mine();
  if (root.hidden || mine() === props.value?.model) return;
  ask({});
});
root.addEventListener("aigc-ask", () => ask());

// Where there is room, parts of a pane stand side by side.
new ResizeObserver(() => root.classList.toggle("wide", root.clientWidth > 640)).observe(root);
