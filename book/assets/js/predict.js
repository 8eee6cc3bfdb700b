// Predict, then see: what a reader expects is kept in this browser, and stands beside what was found. Nothing is sent anywhere.
(() => {
  const predictions = {
    read(key) { try { return localStorage.getItem(key); } catch { return null; } },
    keep(key, answer) { try { localStorage.setItem(key, answer); return true; } catch { return false; } },
    forget(key) { try { localStorage.removeItem(key); } catch { /* nothing is kept */ } },
  };

  function element(name, attributes = {}, ...children) {
    const made = Object.assign(document.createElement(name), attributes);
    made.append(...children);
    return made;
  }

  function asked(box) {
    const { name, unit = "", choices } = box.dataset;
    if (!choices) return [element("label", {}, "Your prediction ", element("input", { name, type: "number", step: "any", required: true }), ` ${unit}`)];
    const options = choices.split(" | ").map((value) => element("label", {}, element("input", { name, value, type: "radio", required: true }), ` ${value}`));
    return [element("fieldset", {}, element("legend", { textContent: "Your prediction" }), ...options)];
  }

  function compared(box, answer) {
    const { right, unit = "", choices } = box.dataset;
    if (choices) return answer === right ? `You predicted “${answer}”, and so it is.` : `You predicted “${answer}”. It is “${right}”.`;
    const minus = (number) => String(number).replace("-", "−");
    return `You predicted ${minus(answer)} ${unit}. Found: ${minus(right)} ${unit}.`.replaceAll(" .", ".");
  }

  function ask(box) {
    const key = `forgetting-predict:${location.pathname}#${box.dataset.name}`;
    const found = box.querySelector("details");
    const keep = element("button", { textContent: "Keep it, and see" });
    const again = element("button", { type: "button", textContent: "Forget it", hidden: true });
    const said = element("p", { className: "predict-said" });
    said.setAttribute("role", "status");
    const form = element("form", {}, ...asked(box), keep, again);
    const see = (answer, kept) => {
      said.textContent = compared(box, answer) + (kept ? "" : " (This browser keeps nothing: it is forgotten when you leave.)");
      found.open = true;
      form.querySelectorAll("input").forEach((input) => { input.disabled = true; });
      keep.hidden = true;
      again.hidden = false;
    };
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const answer = new FormData(form).get(box.dataset.name);
      see(answer, predictions.keep(key, answer));
      again.focus();
    });
    again.addEventListener("click", () => {
      predictions.forget(key);
      form.reset();
      form.querySelectorAll("input").forEach((input) => { input.disabled = false; });
      [said.textContent, found.open, keep.hidden, again.hidden] = ["", false, false, true];
      form.querySelector("input").focus();
    });
    found.before(form, said);
    const before = predictions.read(key);
    if (before !== null) {
      const input = [...form.querySelectorAll("input")].find((other) => other.type === "number" || other.value === before);
      if (!input) return;
      if (input.type === "radio") input.checked = true; else input.value = before;
      see(before, true);
    }
  }

  addEventListener("DOMContentLoaded", () => document.querySelectorAll(".predict[data-right]").forEach(ask));
})();
