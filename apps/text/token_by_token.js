// A text token by token: each tinted by the entropy of its choice, and the candidates of the one
// that is chosen. Another candidate branches: the rest is written anew from there.
const line = root.querySelector("[data-line]");
const step = root.querySelector("[data-step]");
const NATS = Number(line.dataset.full); // The entropy at which the tint is full.
const TAIL = 240; // Characters of the prompt that are shown.

let at = 0; // Which token is chosen.
let picked = []; // Places where the visitor chose for the model.
let past = []; // What was before each branch.

const ids = () => props.value.steps.map((one) => one.id);
const now = () => ({ text: props.value.given, chosen: ids().join(" "), hold: true, picked, at });

function branch(id, drawn) {
  if (drawn) return;
  past.push(now());
  const chosen = [...ids().slice(0, at), id];
  const kept = [...picked.filter((place) => place < at), at];
  ask({ text: props.value.given, chosen: chosen.join(" "), hold: false, picked: kept, at });
}

function back() {
  const before = past.pop();
  if (before) ask(before);
}

function choose(place, focus = false) {
  at = Math.max(0, Math.min(place, props.value.steps.length - 1));
  line.querySelectorAll(".token").forEach((mark, index) => {
    mark.setAttribute("aria-pressed", index === at);
    mark.tabIndex = index === at ? 0 : -1;
    if (focus && index === at) mark.focus();
  });
  const one = props.value.steps[at];
  const drawn = one.candidates.find((other) => other[0] === one.id);
  const count = { step: at + 1, steps: props.value.steps.length, nats: one.entropy.toFixed(2) };
  const head = make("p", "step");
  head.append(make("span", "", say("step", count)));
  const undo = make("button", "", say("back"), { type: "button", "data-back": "" });
  undo.hidden = !past.length;
  undo.addEventListener("click", back);
  head.append(undo);
  const heads = [say("token"), "", say("p"), say("q")];
  const held = step.contains(document.activeElement) && document.activeElement.dataset.id;
  step.replaceChildren(
    head,
    bars(one.candidates, heads, { drawn: drawn[0], pick: branch, rest: say("rest") }),
  );
  if (held) step.querySelector(`[data-id="${held}"]`)?.focus();
}

function tokens(value) {
  return value.steps.map((one, place) => {
    const mark = make("span", "token", shown(one.text), { role: "button", tabindex: -1 });
    mark.style.setProperty("--depth", Math.min(1, one.entropy / NATS).toFixed(3));
    mark.title = say("nats", { token: shown(one.text), nats: one.entropy.toFixed(2) });
    mark.setAttribute("aria-label", mark.title);
    if (picked.includes(place)) mark.classList.add("picked");
    mark.addEventListener("click", () => choose(place));
    const ends = one.text.endsWith("\n") ? [make("br")] : /\s/.test(one.text) ? [make("wbr")] : [];
    return [mark, ...ends];
  });
}

line.addEventListener("keydown", (event) => {
  const go = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 1, ArrowUp: -1 }[event.key];
  const place = [...line.querySelectorAll(".token")].indexOf(event.target);
  if (place < 0) return;
  if (go) choose(place + go, true);
  else if (event.key === "Enter" || event.key === " ") {
    choose(place);
    step.querySelector("button[data-id]").focus();
  } else return;
  event.preventDefault();
});

function show() {
  const value = props.value;
  if (!value?.model) return;
  frame(value);
  const given = value.given.length > TAIL ? `…${value.given.slice(-TAIL)}` : value.given;
  const before = make("span", "given", given);
  if (value.writing !== undefined) {
    line.replaceChildren(before, make("span", "made", value.writing), make("i", "cursor"));
    step.inert = true; // What it shows belongs to the text before.
    return;
  }
  step.inert = false;
  const wish = JSON.parse(root.dataset.sent || "{}");
  picked = wish.picked ?? [];
  line.replaceChildren(before, ...tokens(value).flat());
  const depths = value.steps.map((one) => one.entropy);
  choose(wish.at ?? depths.indexOf(Math.max(...depths)));
  came(now());
}

root.addEventListener("aigc-write", () => {
  past = [];
  ask({});
});
root.addEventListener("aigc-models", () => {
  past = props.value?.model === mine() ? past : [];
});
// A run that ended early writes no more; what it wrote stays.
root.addEventListener("aigc-still", () => {
  line.querySelector(".cursor")?.remove();
  if (props.value?.writing !== undefined) step.replaceChildren();
});
watch("value", show);
if (props.value?.model) show();
else ask();
