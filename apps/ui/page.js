// What Gradio has no Python for: the light switch, and dropping a saved picture anywhere.
(() => {
  const kept = localStorage.getItem("aigc_shade");
  const shade = (dark) => document.body.classList.toggle("dark", dark);
  const asked = new URLSearchParams(location.search).get("__theme");
  if (kept && !asked) {
    const wait = setInterval(() => {
      if (document.querySelector(".gradio-container")) {
        shade(kept === "dark");
        clearInterval(wait);
      }
    }, 30);
  }
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-shade]")) return;
    const dark = !document.body.classList.contains("dark");
    shade(dark);
    localStorage.setItem("aigc_shade", dark ? "dark" : "light");
  });

  const holdsFiles = (event) => [...(event.dataTransfer?.types || [])].includes("Files");
  document.addEventListener("dragover", (event) => {
    if (holdsFiles(event)) event.preventDefault();
  });
  document.addEventListener("drop", (event) => {
    const input = document.querySelector("input:has(+ #opened)");
    if (!holdsFiles(event) || !input || event.target.closest("input[type=file]")) return;
    event.preventDefault();
    event.stopPropagation();
    input.files = event.dataTransfer.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  });
})();
