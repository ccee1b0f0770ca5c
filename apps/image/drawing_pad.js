// A sheet to draw on, with pen, eraser, undo and clear. The page gets what is drawn as a PNG in a
// data: URL, black on white whatever the theme, and "input" when a stroke is done.
const SIDE = 280;
const WIDTHS = { pen: 20, eraser: 44 };
const sheet = element.querySelector("canvas");
const brush = sheet.getContext("2d");
const copy = document.createElement("canvas");
let tool = "pen";
let steps = []; // Strokes and pictures since the sheet was new; a clear sheet is a step too.
let stroke = null;
let told = null;

function draw(step) {
  if (step.picture) {
    brush.imageSmoothingEnabled = step.picture.naturalWidth > 100;
    brush.drawImage(step.picture, 0, 0, SIDE, SIDE);
  } else if (step.points) {
    brush.strokeStyle = step.tool === "pen" ? "#000" : "#fff";
    brush.lineWidth = WIDTHS[step.tool];
    brush.lineCap = brush.lineJoin = "round";
    brush.beginPath();
    const [first, ...rest] = step.points;
    brush.moveTo(...first);
    for (const point of rest.length ? rest : [first]) brush.lineTo(...point);
    brush.stroke();
  } else {
    brush.fillStyle = "#fff";
    brush.fillRect(0, 0, SIDE, SIDE);
  }
}

function redraw() {
  draw({});
  steps.forEach(draw);
  const blank = !steps.length || steps.at(-1).clear;
  element.querySelector("[data-do=undo]").disabled = !steps.length;
  return blank;
}

function tell() {
  const blank = redraw();
  copy.width = copy.height = SIDE;
  copy.getContext("2d").drawImage(sheet, 0, 0, SIDE, SIDE);
  told = props.value = copy.toDataURL("image/png");
  if (!blank) trigger("input");
}

// A picture from elsewhere becomes a step like any other, so that one can draw on in it.
function put(source, then) {
  const picture = new Image();
  picture.onload = () => {
    steps.push({ clear: true }, { picture });
    then();
  };
  picture.src = source;
}

const at = (event) => {
  const box = sheet.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top].map((far) => (far * SIDE) / box.width);
};

sheet.addEventListener("pointerdown", (event) => {
  if (event.button > 0 || stroke) return;
  event.preventDefault();
  sheet.setPointerCapture(event.pointerId);
  stroke = { tool, points: [at(event)], pointer: event.pointerId };
  steps.push(stroke);
  redraw();
});
sheet.addEventListener("pointermove", (event) => {
  if (event.pointerId !== stroke?.pointer) return;
  const all = event.getCoalescedEvents?.() ?? [];
  stroke.points.push(...(all.length ? all : [event]).map(at));
  draw(stroke);
});
for (const ending of ["pointerup", "pointercancel"])
  sheet.addEventListener(ending, (event) => {
    if (event.pointerId !== stroke?.pointer) return;
    stroke = null;
    tell();
  });

const files = () => document.querySelector("input:has(+ #pad-file)");
const DEEDS = {
  pen: () => (tool = "pen"),
  eraser: () => (tool = "eraser"),
  undo: () => {
    // What a picture replaced was cleared first: the two are one step.
    if (steps.pop()?.picture) steps.pop();
    tell();
  },
  clear: () => {
    steps.push({ clear: true });
    tell();
  },
  upload: () => files()?.click(),
};
element.addEventListener("click", (event) => {
  const example = event.target.closest("[data-example]");
  if (example) put(example.querySelector("img").src, tell);
  const deed = event.target.closest("[data-do]")?.dataset.do;
  if (!deed) return;
  DEEDS[deed]();
  for (const button of element.querySelectorAll("[data-do][aria-pressed]"))
    button.setAttribute("aria-pressed", button.dataset.do === tool);
});

sheet.width = sheet.height = 2 * SIDE;
brush.scale(2, 2);
redraw();
if (props.value) put(props.value, redraw);
// A file that was put here is read at once.
watch("value", () => {
  if (!props.value || props.value === told) return;
  told = props.value;
  put(told, () => {
    redraw();
    trigger("input");
  });
});
