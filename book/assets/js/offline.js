// A page opened from disk may not read other files, so the search shows titles without excerpts there.
if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

// What is printed is light and has its folds open; afterwards all is as it was.
const beforePrint = { folds: [], theme: "" };
addEventListener("beforeprint", () => {
  beforePrint.theme = document.documentElement.dataset.theme;
  beforePrint.folds = [...document.querySelectorAll("details:not([open])")];
  document.documentElement.dataset.theme = "light";
  beforePrint.folds.forEach((fold) => { fold.open = true; });
});
addEventListener("afterprint", () => {
  document.documentElement.dataset.theme = beforePrint.theme;
  beforePrint.folds.forEach((fold) => { fold.open = false; });
});
