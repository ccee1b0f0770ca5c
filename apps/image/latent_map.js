// The map of a latent space: a point, and the two ends of a path, that follow pointer and arrow
// keys. The page reads where they are from the plane's dataset; "input" tells that the point
// moved, "release" that an end was let go.
const plane = element.querySelector(".plane");
const picture = plane.querySelector("img");
const canvas = plane.querySelector("canvas");
const legend = element.querySelector(".legend");
const hues = JSON.parse(plane.dataset.hues);
const places = { point: null, start: null, end: null };
let reach = 3;
let dots = null;
let only = null;

const across = ([x, y]) => [(x / reach + 1) / 2, (1 - y / reach) / 2];
const limit = (value) => Math.round(Math.max(-reach, Math.min(reach, value)) * 100) / 100;

function put(name, x, y) {
  places[name] = [limit(x), limit(y)];
  plane.dataset[name] = JSON.stringify(places[name]);
  const [left, top] = across(places[name]);
  const mark = plane.querySelector(`[data-mark="${name}"]`);
  mark.style.left = `${100 * left}%`;
  mark.style.top = `${100 * top}%`;
  if (name === "point" || !places.start || !places.end) return;
  const [from, to] = [across(places.start), across(places.end)];
  for (const line of plane.querySelectorAll("line"))
    for (const [key, value] of [["x1", from[0]], ["y1", from[1]], ["x2", to[0]], ["y2", to[1]]])
      line.setAttribute(key, 100 * value);
}

function read(code) {
  if (!code) return null;
  const bytes = Uint8Array.from(atob(code), (c) => c.charCodeAt(0));
  const count = bytes.length / 5;
  // x and y as 16 bits each, in thousandths, then the classes.
  return { at: new Int16Array(bytes.buffer, 0, 2 * count), kinds: bytes.subarray(4 * count) };
}

// On a dark ground the colours are mixed with white, or the deeper ones would drown.
function hue(kind) {
  const dark = plane.dataset.show === "both" || document.body.classList.contains("dark");
  const parts = [1, 3, 5].map((at) => parseInt(hues[kind].slice(at, at + 2), 16));
  return `rgb(${parts.map((part) => (dark ? Math.round(part + 0.3 * (255 - part)) : part))})`;
}

function paint() {
  const box = canvas.getBoundingClientRect();
  const shown = dots && plane.dataset.show !== "pictures" && box.width;
  legend.hidden = !(dots && plane.dataset.show !== "pictures");
  const scale = window.devicePixelRatio || 1;
  canvas.width = canvas.height = Math.round(box.width * scale);
  if (!shown) return;
  const pen = canvas.getContext("2d");
  const style = getComputedStyle(plane);
  const size = Math.max(1.2, box.width / 240) * scale;
  legend.querySelectorAll("i").forEach((mark, kind) => {
    mark.style.background = hue(kind);
  });
  const colours = hues.map((_, kind) => hue(kind));
  const sums = hues.map(() => []);
  // The chosen kind comes last, on top of the others.
  for (const chosen of [false, true]) {
    dots.kinds.forEach((kind, index) => {
      const faint = only !== null && kind !== only;
      if (faint === chosen) return;
      const [left, top] = across([dots.at[2 * index] / 1000, dots.at[2 * index + 1] / 1000]);
      if (left < 0 || left > 1 || top < 0 || top > 1) return;
      sums[kind].push([left, top]);
      pen.globalAlpha = faint ? 0.12 : 0.85;
      pen.fillStyle = colours[kind];
      pen.fillRect(left * canvas.width - size / 2, top * canvas.width - size / 2, size, size);
    });
  }
  pen.globalAlpha = 1;
  pen.font = `600 ${15 * scale}px ${style.getPropertyValue("--font-mono")}`;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.lineWidth = 4 * scale;
  pen.lineJoin = "round";
  const black = plane.dataset.show === "both";
  pen.strokeStyle = black ? "#000" : style.getPropertyValue("--background-fill-primary");
  pen.fillStyle = black ? "#fff" : style.getPropertyValue("--body-text-color");
  const middle = (values) => values.sort((a, b) => a - b)[values.length >> 1] * canvas.width;
  sums.forEach((found, kind) => {
    if (!found.length || (only !== null && only !== kind)) return;
    const at = [0, 1].map((axis) => middle(found.map((place) => place[axis])));
    pen.strokeText(kind, ...at);
    pen.fillText(kind, ...at);
  });
}

function show() {
  const value = props.value;
  if (!value) return;
  reach = value.reach;
  picture.src = value.picture;
  dots = read(value.dots);
  for (const mark of element.querySelectorAll("[data-edge]"))
    mark.textContent = `${mark.dataset.edge}${reach}`.replace("-", "−");
  // A smaller reach moves what lies beyond it to the rim.
  const moved = new Set();
  for (const name in places) {
    const [x, y] = JSON.parse(plane.dataset[name]);
    put(name, x, y);
    if (places[name][0] !== x || places[name][1] !== y) moved.add(name);
  }
  paint();
  if (moved.has("point")) trigger("input");
  if (moved.has("start") || moved.has("end")) trigger("release");
}

let held = null;

function move(event) {
  const box = plane.getBoundingClientRect();
  const [left, top] = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  put(held, (2 * left - 1) * reach, (1 - 2 * top) * reach);
  if (held === "point") trigger("input");
}

plane.addEventListener("pointerdown", (event) => {
  if (event.button > 0) return;
  event.preventDefault();
  plane.focus({ preventScroll: true });
  plane.setPointerCapture(event.pointerId);
  held = event.target.closest('[data-mark="start"], [data-mark="end"]')?.dataset.mark || "point";
  if (event.shiftKey) held = "end";
  if (held === "point" || event.shiftKey) move(event);
});
plane.addEventListener("pointermove", (event) => held && move(event));
for (const ending of ["pointerup", "pointercancel"])
  plane.addEventListener(ending, () => {
    if (held && held !== "point") trigger("release");
    held = null;
  });

const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
plane.addEventListener("keydown", (event) => {
  const step = STEPS[event.key];
  if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  const stride = (reach / 60) * (event.shiftKey ? 5 : 1);
  const [x, y] = places.point;
  put("point", x + stride * step[0], y + stride * step[1]);
  trigger("input");
});

legend.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  const kind = Number(button.dataset.kind);
  only = only === kind ? null : kind;
  for (const other of legend.querySelectorAll("button"))
    other.setAttribute("aria-pressed", only === Number(other.dataset.kind));
  paint();
});

// The buttons of the page below set an end where the point is.
plane.addEventListener("aigc-end", (event) => {
  put(event.detail, ...places.point);
  trigger("release");
});
new MutationObserver(paint).observe(plane, { attributeFilter: ["data-show"] });
new MutationObserver(paint).observe(document.body, { attributeFilter: ["class"] });
new ResizeObserver(paint).observe(plane);
watch("value", show);
show();
