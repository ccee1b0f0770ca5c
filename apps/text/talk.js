// A conversation: a button copies a turn, and what a reader has unfolded stays open while more of
// it is written.
const open = new Set();

element.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const text = button.closest("section").querySelector(".made").textContent;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // No clipboard where the page is not served safely: the old way.
    const field = document.createElement("textarea");
    field.value = text;
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
    button.focus();
  }
  button.classList.add("done");
  setTimeout(() => button.classList.remove("done"), 1500);
});

const folds = () => [...element.querySelectorAll("section")].map((s) => s.querySelector("details"));

element.addEventListener(
  "toggle",
  (event) => {
    const place = folds().indexOf(event.target);
    if (place < 0) return;
    if (event.target.open) open.add(place);
    else if (event.target.isConnected) open.delete(place);
  },
  true,
);

watch("value", () => {
  folds().forEach((fold, place) => {
    if (fold && open.has(place)) fold.open = true;
  });
});
