"use strict";
(() => {
  const data = DATA;  // file, version, classes, questions, guess, pictures, examples
  const part = name => document.getElementById(name);
  const steps = [...(data.guess ? [data.guess] : []), ...data.questions];
  let state = null, began = 0, kept = true;

  // Four consonants, so that no code is a word.
  const newCode = () => Array.from(crypto.getRandomValues(new Uint8Array(4)), byte => "BCDFGHJKLMNPQRSTVWXZ"[byte % 20]).join("");

  // Each annotator has an order of their own, which follows from the code.
  const shuffled = code => {
    let seed = [...code].reduce((sum, letter) => (Math.imul(sum, 31) + letter.charCodeAt(0)) >>> 0, 7);
    const random = () => {
      seed = (seed + 0x6D2B79F5) >>> 0;
      let word = Math.imul(seed ^ (seed >>> 15), seed | 1);
      word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
      return ((word ^ (word >>> 14)) >>> 0) / 2 ** 32;
    };
    const places = data.pictures.map((_, place) => place);
    for (let last = places.length - 1; last > 0; last--) {
      const other = Math.floor(random() * (last + 1));
      [places[last], places[other]] = [places[other], places[last]];
    }
    return places;
  };

  const key = "forgetting-" + data.file;
  const keep = () => {
    try { localStorage.setItem(key, JSON.stringify(state)); } catch (error) { kept = false; }
    if (!kept) warn("This browser keeps nothing (a private window?). Save your answers before you close the page.");
  };
  const read = () => {
    try { return JSON.parse(localStorage.getItem(key)); } catch (error) { kept = false; return null; }
  };
  const warn = text => { part("banner").textContent = text; part("banner").hidden = false; };
  const show = name => ["start", "work", "paused", "end"].forEach(each => { part(each).hidden = each !== name; });

  const total = data.pictures.length * steps.length;
  const draw = () => {
    if (state.at >= total) return finish();
    const order = Math.floor(state.at / steps.length), step = steps[state.at % steps.length];
    const picture = data.pictures[state.order[order]], guess = step === data.guess;
    const answers = guess ? data.classes : step.answers;
    show("work");
    part("progress").textContent = `Picture ${order + 1} of ${data.pictures.length}, question ${state.at % steps.length + 1} of ${steps.length}`;
    part("bar").value = state.at / total;
    part("picture").src = picture.src;
    part("look").classList.toggle("large", picture.src.startsWith("data:image/jpeg"));
    part("picture").alt = `picture ${order + 1} of ${data.pictures.length}`;
    part("question").textContent = step.text.replace("{label}", data.classes[picture.label]);
    const beside = part("examples");
    beside.hidden = guess || !data.examples[picture.label].length;
    beside.replaceChildren();
    if (!beside.hidden) {
      const words = document.createElement("p");
      words.textContent = `Examples of “${data.classes[picture.label]}”`;
      beside.append(words, ...data.examples[picture.label].map(src => {
        const image = document.createElement("img");
        image.src = src;
        image.alt = "an example";
        return image;
      }));
    }
    const given = state.answers[picture.id + " " + step.key];
    part("answers").replaceChildren(...answers.map((text, place) => {
      const item = document.createElement("li"), button = document.createElement("button");
      button.type = "button";
      // Of ten classes the last has the key 0; digits are chosen by themselves.
      const number = guess && data.byName ? text : (place + 1) % 10;
      button.textContent = String(number) === text ? text : `${number}  ${text}`;
      button.dataset.key = String(number);
      button.setAttribute("aria-pressed", String(Boolean(given) && given.answer === place + 1));
      button.addEventListener("click", () => answer(place + 1));
      item.append(button);
      return item;
    }));
    part("back").disabled = state.at === 0;
    (part("answers").querySelector("[aria-pressed=true]") || part("question")).focus();
    began = Date.now();
  };

  const answer = value => {
    const order = Math.floor(state.at / steps.length), step = steps[state.at % steps.length];
    const picture = data.pictures[state.order[order]], name = picture.id + " " + step.key;
    const before = state.answers[name] ? state.answers[name].seconds : 0;
    state.answers[name] = { image: picture.id, question: step.key, answer: value, seconds: before + (Date.now() - began) / 1000, order: order + 1 };
    state.at += 1;
    keep();
    draw();
  };

  const csv = () => {
    const head = "version,file,annotator,order,image,question,answer,seconds";
    const lines = Object.values(state.answers).map(row =>
      [data.version, data.file, state.code, row.order, row.image, row.question, row.answer, row.seconds.toFixed(2)].join(","));
    return [head, ...lines].join("\r\n") + "\r\n";
  };
  const finish = () => {
    show("end");
    const link = part("save");
    link.href = URL.createObjectURL(new Blob([csv()], { type: "text/csv" }));
    link.download = `answers-${state.code}.csv`;
    link.focus();
  };

  const buttons = () => [...part("answers").querySelectorAll("button")];
  document.addEventListener("keydown", event => {
    if (event.ctrlKey || event.altKey || event.metaKey || part("work").hidden) return;
    const all = buttons(), at = all.indexOf(document.activeElement);
    const move = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const named = all.find(button => button.dataset.key === event.key);
    if (named && !event.repeat) named.click();
    else if (move) all[at < 0 ? (move > 0 ? 0 : all.length - 1) : (at + move + all.length) % all.length].focus();
    else if (event.key === "Backspace") back();
    else if (event.key === "p" || event.key === "P") pause();
    else return;
    event.preventDefault();
  });
  const back = () => { if (state.at > 0) { state.at -= 1; keep(); draw(); } };
  const pause = () => { show("paused"); part("resume").focus(); };
  part("back").addEventListener("click", back);
  part("pause").addEventListener("click", pause);
  part("resume").addEventListener("click", draw);
  part("early").addEventListener("click", finish);
  part("begin").addEventListener("click", () => { keep(); draw(); });

  state = read();
  if (state && state.order && state.order.length === data.pictures.length) {
    part("found").textContent = `${Object.keys(state.answers).length} of ${total} answers are kept here.`;
    part("begin").textContent = "Go on";
  } else {
    const code = newCode();
    state = { code, order: shuffled(code), at: 0, answers: {} };
    keep();
  }
  part("code").textContent = state.code;
  part("begin").focus();
})();
