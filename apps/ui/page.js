// What Gradio has no Python for: the light switch, clicks on a picture that is shown enlarged, and
// dropping a saved picture anywhere.
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

  // A demo of a page is opened by `?demo=`, and the address tells which one is open.
  // On a narrow page some tabs are in a menu and have no ids; all are there once more, unseen, in
  // their order, which is that of the ids among the classes.
  const tabs = ".demos > .tab-wrapper :is([role=tab], .overflow-dropdown button)";
  const ids = () =>
    [...document.querySelector(".demos").classList]
      .filter((name) => name.startsWith("demo-"))
      .map((name) => name.slice("demo-".length));
  const names = () =>
    [...document.querySelectorAll(".demos > .tab-wrapper > [aria-hidden] button")].map(
      (button) => button.textContent,
    );
  const tab = (id) => {
    if (!document.querySelector(".demos")) return null;
    const name = names()[ids().indexOf(id)];
    return [...document.querySelectorAll(tabs)].find((button) => button.textContent === name);
  };
  const opened = (id) => {
    const here = new URL(location.href);
    here.searchParams.set("demo", id);
    history.replaceState(history.state, "", here);
    for (const link of document.querySelectorAll(".switches a")) {
      const other = new URL(link.href);
      other.searchParams.set("demo", id);
      link.href = other.href;
    }
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.(tabs);
    if (button) opened(ids()[names().indexOf(button.textContent)]);
  });
  const wanted = new URLSearchParams(location.search).get("demo");
  if (wanted && /^[a-z0-9-]+$/.test(wanted)) {
    let tries = 2000; // A minute, for a slow machine.
    const wait = setInterval(() => {
      const button = tab(wanted);
      if (button) button.click();
      if (button || --tries === 0) clearInterval(wait);
    }, 30);
  }

  // Gradio reckons as if no picture were ever shown larger than it is, but small and in the middle
  // of its frame. So a click on an enlarged one is told as a click where Gradio looks for the pixel.
  document.addEventListener(
    "click",
    (event) => {
      const image = event.isTrusted && event.detail && event.target.closest?.("#result img");
      if (!image) return;
      const box = image.getBoundingClientRect();
      const [wide, high] = [image.naturalWidth, image.naturalHeight];
      const scale = Math.min(box.width / wide, box.height / high);
      if (scale <= 1) return;
      event.stopPropagation();
      const middle = [box.left + box.width / 2, box.top + box.height / 2];
      image.dispatchEvent(
        new MouseEvent("click", {
          bubbles: true,
          clientX: middle[0] + Math.floor((event.clientX - middle[0]) / scale + wide / 2) - wide / 2,
          clientY: middle[1] + Math.floor((event.clientY - middle[1]) / scale + high / 2) - high / 2,
        }),
      );
    },
    true,
  );

  const holdsFiles = (event) => [...(event.dataTransfer?.types || [])].includes("Files");
  document.addEventListener("dragover", (event) => {
    if (holdsFiles(event)) event.preventDefault();
  });
  document.addEventListener("drop", (event) => {
    const [ours, pad] = ["#opened", "#pad-file"].map((id) =>
      document.querySelector(`input:has(+ ${id})`),
    );
    // Where one can draw, a picture is put on the sheet.
    const input = document.querySelector("#pad")?.checkVisibility() ? pad : ours;
    if (!holdsFiles(event) || event.target.closest("input[type=file]")) return;
    event.preventDefault(); // Or the browser would leave the page for the file.
    event.stopPropagation();
    if (!input) return;
    input.files = event.dataTransfer.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  });
})();
