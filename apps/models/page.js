// The models page: asks once a second what changed, while it is in view, and tells the server what
// the owner orders. Parts stand in places (`data-live`) that may lie in each other.
const PACE = 1000; // Milliseconds between two looks, and the longest where the server is away.
const PATIENCE = 15000;
const seen = {};
const parts = {};
let pause = PACE;
let timer = null;
let looking = false;

// A place is filled when its part changed, or when the place itself is new.
function fill(root) {
  for (const place of root.querySelectorAll("[data-live]")) {
    const part = parts[place.dataset.live] ?? "";
    if (place.shown === part) continue;
    const held = place.contains(document.activeElement) && document.activeElement;
    place.innerHTML = part;
    place.shown = part;
    fill(place);
    if (!held || document.contains(held)) continue;
    const { do: name, id } = held.dataset;
    const again = [...place.querySelectorAll("button")].find(
      (button) => button.dataset.do === name && button.dataset.id === id,
    );
    (again ?? place.querySelector("button"))?.focus();
  }
}

async function look() {
  if (looking) return;
  looking = true;
  try {
    const news = await server.look({ ...seen });
    for (const [name, [digest, part]] of Object.entries(news)) {
      seen[name] = digest;
      parts[name] = part;
    }
    fill(element);
    pause = PACE;
  } catch {
    pause = Math.min(2 * pause, PATIENCE);
  }
  looking = false;
  element.classList.toggle("away", pause > PACE);
}

async function round() {
  clearTimeout(timer);
  if (!element.isConnected || document.hidden) return;
  await look();
  clearTimeout(timer);
  timer = setTimeout(round, pause);
}

async function order(button) {
  const { id, revision } = button.dataset;
  button.disabled = true;
  let said = "";
  try {
    said = await server.act({ do: button.dataset.do, id, revision });
  } catch {
    said = null;
  }
  // Gradio gives nothing at all where the server could not be asked, or broke.
  if (typeof said !== "string") said = element.querySelector("[data-lost]").innerHTML;
  button.disabled = false;
  const notes = [...element.querySelectorAll("[data-said]")];
  for (const note of notes.filter((note) => note.dataset.said === id + (revision ?? ""))) {
    note.innerHTML = said;
    note.hidden = !said;
  }
  round();
}

// Deleting is asked twice.
function ask(button, sure) {
  const asking = sure.hidden;
  sure.hidden = !asking;
  button.hidden = asking;
  (asking ? sure.querySelector("[data-keep]") : button).focus();
}

element.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button || !element.contains(button)) return;
  if (button.dataset.do) order(button);
  else if ("ask" in button.dataset) ask(button, button.nextElementSibling);
  else if ("keep" in button.dataset) {
    const sure = button.parentElement;
    ask(sure.previousElementSibling, sure);
  }
});
document.addEventListener("visibilitychange", round);
document.addEventListener("aigc-models", round);
round();
