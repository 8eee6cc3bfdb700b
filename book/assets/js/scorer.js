// How the search ranks what it finds: pages first, entries of the library's reference after them.
var Scorer = {
  score: ([document, , , , score]) => (document.startsWith("reference/") ? score - 20 : score),
  objNameMatch: -5, objPartialMatch: -10, objPrio: { 0: 0, 1: -5, 2: -10 }, objPrioDefault: -10,
  title: 15, partialTitle: 7, term: 5, partialTerm: 2,
};
