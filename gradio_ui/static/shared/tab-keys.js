// Arrow keys, Home and End on tabs, as in the tabs pattern of WAI-ARIA. Gradio's tabs have only the Tab key.

const TARGETS = {
  ArrowLeft: (at, count) => (at + count - 1) % count,
  ArrowRight: (at, count) => (at + 1) % count,
  Home: () => 0,
  End: (_, count) => count - 1,
};

export function addTabKeys() {
  document.addEventListener("keydown", (event) => {
    const list = event.target.closest?.("[role=tab]")?.closest("[role=tablist]");
    if (!list || !(event.key in TARGETS) || event.ctrlKey || event.altKey || event.metaKey) return;
    const tabs = [...list.querySelectorAll("[role=tab]")];
    const tab = tabs[TARGETS[event.key](tabs.indexOf(event.target.closest("[role=tab]")), tabs.length)];
    event.preventDefault();
    tab.click();
    tab.focus();
  });
}
