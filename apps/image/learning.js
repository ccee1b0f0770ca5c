// A training to scrub through: the slider decides, and everything else follows it. Nothing is asked
// of the server. `element` is the player; the charts stand in a component of their own.
const charts = () => document.querySelector("#learning-curves .charts");
const slider = () => element.querySelector("input[type=range]");
const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
const PACE = 260; // Milliseconds of a moment.
let playing = null;

const show = () => {
  const place = Number(slider().value);
  const moments = JSON.parse(element.querySelector(".player").dataset.moments);
  const moment = moments[place];
  const share = (100 * place) / (moments.length - 1);
  element.querySelector(".frames").style.backgroundPositionY = `${share}%`;
  element.querySelectorAll(".strip > i").forEach((part, digit) => {
    part.style.flexGrow = moment.shares[digit];
    part.firstElementChild.hidden = part.clientWidth < 9; // Pixels, of a digit.
  });
  element.querySelectorAll("[data-shown]").forEach((shown) => {
    shown.textContent = moment[shown.dataset.shown];
  });
  slider().setAttribute("aria-valuetext", element.querySelector(".figures").innerText);
  const places = JSON.parse(charts()?.dataset.places ?? "[]");
  charts()?.querySelectorAll(".chart").forEach((chart) => {
    const height = JSON.parse(chart.dataset.heights)[place];
    const dot = chart.querySelector(".dot");
    const value = chart.querySelector("figcaption > b");
    if (value) value.textContent = JSON.parse(chart.dataset.values)[place];
    chart.querySelector(".cursor").style.left = dot.style.left = `${100 * places[place]}%`;
    dot.style.bottom = `${100 * (height ?? 0)}%`;
    dot.hidden = height === null;
  });
};

const go = (place) => {
  slider().value = place;
  show();
};

const pause = () => {
  clearInterval(playing);
  playing = null;
  element.querySelector("[data-play]")?.setAttribute("aria-pressed", "false");
};

const next = () => {
  const last = Number(slider().max);
  const place = Number(slider().value);
  go(place < last ? place + 1 : 0);
  if (place + 1 >= last) pause();
};

const play = () => {
  if (still()) return next(); // A moment for each press.
  if (slider().value === slider().max) go(0);
  playing = setInterval(next, PACE);
  element.querySelector("[data-play]").setAttribute("aria-pressed", "true");
};

element.addEventListener("input", (event) => {
  if (!event.target.matches("input[type=range]")) return;
  pause();
  show();
});
element.addEventListener("click", (event) => {
  if (event.target.closest("[data-play]")) playing ? pause() : play();
});

// Charts are dragged like the slider.
const follow = (event) => {
  const plot = event.target.closest?.("#learning-curves .plot");
  if (!plot || !(event.buttons & 1)) return;
  const box = plot.getBoundingClientRect();
  const at = (event.clientX - box.left) / box.width;
  const off = JSON.parse(charts().dataset.places).map((place) => Math.abs(place - at));
  pause();
  go(off.indexOf(Math.min(...off)));
};
document.addEventListener("pointerdown", follow);
document.addEventListener("pointermove", follow);

// Another model begins at its end, as it came from the server.
watch("value", () => {
  pause();
  if (slider()) go(slider().max);
});
