// What Gradio has no Python for: the light switch, and dropping a saved picture anywhere.
(() => {
  let kept = null;
  try {
    kept = localStorage.getItem("aigc_shade");
  } catch {} // No storage in some frames.
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
    try {
      localStorage.setItem("aigc_shade", dark ? "dark" : "light");
    } catch {}
  });

  const holdsFiles = (event) => [...(event.dataTransfer?.types || [])].includes("Files");
  document.addEventListener("dragover", (event) => {
    if (holdsFiles(event)) event.preventDefault();
  });
  document.addEventListener("drop", (event) => {
    const input = document.querySelector("input:has(+ #opened)");
    if (!holdsFiles(event) || event.target.closest("input[type=file]")) return;
    event.preventDefault(); // Or the browser would leave the page for the file.
    event.stopPropagation();
    if (!input) return;
    input.files = event.dataTransfer.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  });
})();
