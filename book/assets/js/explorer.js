// Draws the charts that readers change. The library that draws them is loaded only by pages that have one.
document.addEventListener("DOMContentLoaded", () => {
  const boxes = [...document.querySelectorAll("figure.explorer")];
  if (!boxes.length) return;
  const style = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  // The chart stands on the page itself, in its colours, so it is drawn anew when these change.
  const look = () => {
    const text = style("--pst-color-text-base"), line = style("--pst-color-border");
    const words = { labelColor: text, titleColor: text, labelFontSize: 12, titleFontSize: 12, labelLimit: 140 };
    return {
      background: "transparent", view: { stroke: null }, font: style("--pst-font-family-base") || "sans-serif",
      axis: { ...words, gridColor: line, domainColor: text, tickColor: text, labelAngle: 0 },
      legend: { ...words, orient: "bottom" }, text: { color: text, fill: text }, rule: { color: text },
    };
  };
  const draw = box => {
    const specification = JSON.parse(box.querySelector("script").textContent);
    specification.config = look();
    box.classList.add("drawn");  // a chart takes the width of what it stands in, so that is shown first
    vegaEmbed(box.querySelector(".explorer-chart"), specification, { actions: false, renderer: "svg", tooltip: { theme: document.documentElement.dataset.theme } });
  };
  const drawAll = () => boxes.forEach(draw);
  // A chart measures its place when the window changes, before the sidebars have moved; once they have, it measures again.
  const settled = new ResizeObserver(() => window.dispatchEvent(new Event("resize")));

  const library = document.createElement("script");
  library.src = (document.documentElement.dataset.content_root || "") + "_static/vendor/vega.js";
  library.onload = () => {
    drawAll();
    boxes.forEach(box => settled.observe(box));
    new MutationObserver(drawAll).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  };
  document.head.append(library);
});
