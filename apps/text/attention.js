// Where the heads of a model look: a small map of each, a large one of the chosen head, and the text
// tinted by what its chosen token looks at. A head that is switched off is left out by the model.
const line = root.querySelector("[data-line]");
const reads = root.querySelector("[data-reads]");
const grid = root.querySelector("[data-heads]");
const name = root.querySelector("[data-name]");
const large = root.querySelector("[data-map]");
const odds = root.querySelector("[data-odds]");
const WHOLE = 10000; // What a weight of 1 is sent as.
const NOTHING = 65535; // What stands for no weight at all.
const SMALLEST = 8; // Pixels of a cell that has a name beside it.
const TOLD = 3; // Places that are said to be looked at.

let maps = null; // (layer, head, token, looks at) without what a token cannot see.
let head = null; // "layer.head" of the chosen one.
let at = 0; // The chosen token,
let over = null; // and the one under the pointer.
let moved = null; // By how much the next token moves without each head, by "layer.head".

const size = () => props.value.tokens.length;
const here = () => over ?? at;
const off = () => props.value.off;
const pair = (id) => id.split(".").map(Number);
const names = () =>
  [...Array(props.value.layers * props.value.heads).keys()].map(
    (index) => `${Math.floor(index / props.value.heads)}.${index % props.value.heads}`,
  );

// The weight that a head gives from one token to another, exact to four digits; null where none is.
function weight(id, from, to) {
  const [layer, which] = pair(id);
  const each = (size() * (size() + 1)) / 2;
  const sent = maps[(layer * props.value.heads + which) * each + (from * (from + 1)) / 2 + to];
  return to > from || sent === NOTHING ? null : sent / WHOLE;
}

async function unpacked(packed) {
  const bytes = Uint8Array.from(atob(packed), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint16Array(await new Response(stream).arrayBuffer());
}

const inks = () => getComputedStyle(root).color.match(/\d+/g).map(Number);
// Small weights would not be seen beside large ones: what is drawn is their square root.
const depth = (value) => Math.sqrt(value ?? 0);

function paint(canvas, id) {
  const count = size();
  canvas.width = canvas.height = count;
  const pen = canvas.getContext("2d");
  const image = pen.createImageData(count, count);
  const ink = inks();
  for (let from = 0; from < count; from++)
    for (let to = 0; to <= from; to++)
      image.data.set([...ink.slice(0, 3), 255 * depth(weight(id, from, to))], 4 * (from * count + to));
  pen.putImageData(image, 0, 0);
}

function side(box) {
  const count = size();
  const gutter = (box - 15) / count >= SMALLEST ? widest(box / count) : 0;
  return { gutter, cell: (box - gutter) / count };
}

function widest(cell) {
  const pen = large.getContext("2d");
  pen.font = font(cell);
  const wide = props.value.tokens.map((token) => pen.measureText(shown(token)).width);
  return Math.min(90, Math.ceil(Math.max(...wide)) + 5);
}

const font = (cell) => `${Math.min(14, Math.max(9, cell))}px ${getComputedStyle(root).getPropertyValue("--serif")}`;

function paintLarge() {
  const box = large.getBoundingClientRect().width;
  if (!box || !maps) return;
  const scale = window.devicePixelRatio || 1;
  large.width = large.height = Math.round(box * scale);
  const pen = large.getContext("2d");
  pen.scale(scale, scale);
  const { gutter, cell } = side(box);
  const style = getComputedStyle(root);
  const gap = cell > 6 ? 1 : 0;
  pen.fillStyle = style.color;
  for (let from = 0; from < size(); from++)
    for (let to = 0; to <= from; to++) {
      pen.globalAlpha = 0.04 + 0.96 * depth(weight(head, from, to));
      pen.fillRect(gutter + to * cell, gutter + from * cell, cell - gap, cell - gap);
    }
  pen.globalAlpha = 1;
  pen.strokeStyle = "#c8412f";
  pen.lineWidth = 2;
  pen.strokeRect(gutter + 1, gutter + here() * cell, (here() + 1) * cell - 2, Math.max(2, cell - gap));
  if (!gutter) return;
  pen.font = font(cell);
  pen.textBaseline = "middle";
  props.value.tokens.forEach((token, place) => {
    pen.fillStyle = place === here() ? style.getPropertyValue("--seal") : style.color;
    const middle = gutter + (place + 0.5) * cell;
    pen.textAlign = "right";
    pen.fillText(shown(token), gutter - 4, middle);
    pen.save();
    pen.translate(middle, gutter - 4);
    if (shown(token).length > 1) pen.rotate(-Math.PI / 2);
    pen.textAlign = shown(token).length > 1 ? "left" : "center";
    pen.fillText(shown(token), 0, shown(token).length > 1 ? 0 : -5);
    pen.restore();
  });
}

function tint() {
  const from = here();
  line.querySelectorAll(".token").forEach((mark, to) => {
    const value = weight(head, from, to);
    mark.style.setProperty("--depth", depth(value).toFixed(3));
    mark.title = value === null ? "" : value.toFixed(2);
    mark.setAttribute("aria-pressed", to === from);
    mark.tabIndex = to === at ? 0 : -1;
  });
  const looks = [...Array(from + 1).keys()]
    .map((to) => [to, weight(head, from, to)])
    .filter((one) => one[1] !== null && one[1] >= 0.005)
    .sort((a, b) => b[1] - a[1])
    .slice(0, TOLD);
  const told = looks.map(([to, value]) => `“${shown(props.value.tokens[to])}” ${value.toFixed(2)}`);
  const values = { token: shown(props.value.tokens[from]), head, places: told.join(", ") };
  reads.textContent = say("reads", values);
  paintLarge();
}

function choose(id, focus = false) {
  head = id;
  grid.querySelectorAll(".map").forEach((button) => {
    const is = button.dataset.head === id;
    button.setAttribute("aria-pressed", is);
    button.tabIndex = is ? 0 : -1;
    if (is && focus) button.focus();
  });
  const does = props.value.habits[id];
  const isOff = off().includes(id);
  const title = make("b", "", say("head", { head: id }));
  const toggle = make("button", "", say(isOff ? "on" : "off"), { type: "button", "data-toggle": "" });
  toggle.setAttribute("aria-pressed", isOff);
  toggle.addEventListener("click", () => flip(id));
  const what = does ? `${does[0][spoken()]}${say("colon")}${does[1].toFixed(2)}` : say("habitless");
  name.replaceChildren(title, make("span", "", what), toggle);
  tint();
}

const wanted = (heads, more = {}) => ({ text: props.value.given, off: heads.join(" "), ...more });

function flip(id) {
  ask(wanted(off().includes(id) ? off().filter((one) => one !== id) : [...off(), id]));
}

function drawHeads() {
  grid.style.setProperty("--heads", props.value.heads);
  grid.classList.toggle("many", props.value.heads > 8);
  const most = moved && Math.max(...Object.values(moved));
  const cells = names().map((id) => {
    const cell = make("div", off().includes(id) ? "off" : "");
    const label = say("head", { head: id });
    const button = make("button", "map", "", { type: "button", "data-head": id, title: label });
    button.setAttribute("aria-label", label);
    const canvas = make("canvas");
    button.append(canvas);
    paint(canvas, id);
    button.addEventListener("click", () => choose(id));
    const toggle = make("button", "switch", "", { type: "button", tabindex: -1 });
    toggle.title = say(off().includes(id) ? "on" : "off");
    toggle.setAttribute("aria-label", `${label}: ${toggle.title}`);
    toggle.addEventListener("click", () => flip(id));
    cell.append(button, toggle);
    if (moved) {
      const bar = make("i", "moved");
      bar.style.width = `${Math.max(4, (100 * moved[id]) / most)}%`;
      button.title += say("colon") + say("nats", { nats: moved[id].toFixed(3) });
      cell.append(bar, make("small", "", moved[id].toFixed(2)));
    }
    return cell;
  });
  const held = grid.contains(document.activeElement);
  grid.replaceChildren(...cells);
  return held;
}

function top() {
  return Object.entries(moved)
    .sort((a, b) => b[1] - a[1])
    .slice(0, 3);
}

function act(key, heads) {
  const button = make("button", "", say(key), { type: "button", [`data-${key}`]: "" });
  button.addEventListener("click", () => ask(wanted(heads)));
  return button;
}

function drawNext() {
  const without = off().length > 0;
  const heads = [say("token"), "", say("p"), say("q")];
  const table = bars(props.value.next.map((one) => [null, ...one]), heads);
  table.classList.toggle("single", !without);
  const said = make("p", "said");
  const values = { heads: off().join(", "), nats: props.value.moved.toFixed(3) };
  said.append(make("span", "", without ? say("without", values) : say("whole")));
  if (without) said.append(act("all", []));
  const parts = [make("b", "", say("next")), table, said];
  if (moved) {
    const first = top();
    const told = first.map(([id, nats]) => `${id} (${nats.toFixed(3)})`).join(", ");
    const most = make("p", "said ranked");
    most.append(make("span", "", say("most", { heads: told })), act("three", first.map((one) => one[0])));
    parts.push(most);
  }
  odds.replaceChildren(...parts);
}

function drawLine() {
  const marks = props.value.tokens.map((token, place) => {
    const mark = make("span", "token", shown(token), { role: "button" });
    mark.addEventListener("pointerenter", () => ((over = place), tint()));
    mark.addEventListener("focus", () => ((at = place), (over = null), tint()));
    mark.addEventListener("click", () => ((at = place), tint()));
    return token.endsWith("\n") ? [mark, make("br")] : /\s/.test(token) ? [mark, make("wbr")] : [mark];
  });
  line.replaceChildren(...marks.flat());
}

async function show() {
  const value = props.value;
  if (!value?.model) return;
  const found = await unpacked(value.maps);
  if (value !== props.value) return; // Something newer came meanwhile.
  frame(value);
  maps = found;
  const text = `${value.model} ${value.given}`;
  if (value.ranks) moved = Object.fromEntries(names().map((id, index) => [id, value.ranks[index]]));
  else if (root.dataset.shown !== text) moved = null;
  if (root.dataset.shown !== text) {
    at = size() - 1;
    const strongest = Object.entries(value.habits).sort((a, b) => b[1][1] - a[1][1])[0];
    if (!names().includes(head) || root.dataset.shown?.split(" ")[0] !== value.model)
      head = strongest ? strongest[0] : "0.0";
  }
  root.dataset.shown = text;
  over = null;
  drawLine();
  const held = drawHeads();
  drawNext();
  choose(head, held);
  came(wanted(off()));
}

line.addEventListener("pointerleave", () => ((over = null), tint()));
line.addEventListener("keydown", (event) => {
  const go = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!go) return;
  event.preventDefault();
  at = Math.max(0, Math.min(size() - 1, at + go));
  line.querySelectorAll(".token")[at].focus();
});
grid.addEventListener("keydown", (event) => {
  const { heads, layers } = props.value;
  const go = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: heads, ArrowUp: -heads }[event.key];
  const next = names().indexOf(head) + (go ?? 0);
  if (event.key === "o") flip(head);
  else if (!go || next < 0 || next >= heads * layers) return;
  else choose(names()[next], true);
  event.preventDefault();
});
large.addEventListener("pointermove", (event) => {
  const box = large.getBoundingClientRect();
  const { gutter, cell } = side(box.width);
  const [to, from] = [event.clientX - box.left, event.clientY - box.top].map((place) =>
    Math.floor((place - gutter) / cell),
  );
  over = from >= 0 && from < size() ? from : null;
  const value = over !== null && to >= 0 && to <= from ? weight(head, from, to) : null;
  tint();
  const [row, column] = [from, to].map((place) => shown(props.value.tokens[place] ?? ""));
  large.title = value === null ? "" : `${row} → ${column}: ${value.toFixed(2)}`;
});
large.addEventListener("pointerleave", () => ((over = null), tint()));
large.addEventListener("click", () => ((at = here()), tint()));
root.addEventListener("aigc-write", () => ask({}));
root.addEventListener("aigc-rank", () => {
  if (props.value?.model) ask(wanted(off(), { rank: true }));
});

function repaint() {
  if (!maps || !head) return;
  for (const button of grid.querySelectorAll(".map")) paint(button.firstChild, button.dataset.head);
  paintLarge();
}
new MutationObserver(repaint).observe(document.body, { attributeFilter: ["class"] });
new ResizeObserver(paintLarge).observe(large);
watch("value", show);
if (props.value?.model) show();
else ask();
