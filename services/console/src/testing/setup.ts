import { cleanup, configure } from "@testing-library/react";
import { afterEach } from "vitest";

// The first test of a file loads the editor, which takes longer than the default second on a busy machine.
configure({ asyncUtilTimeout: 20_000 });

// jsdom has no layout. These stand-ins give elements a size at which the grid shows its first rows.
if (typeof window !== "undefined") {
  const size = { width: 1000, height: 600 };
  Object.defineProperties(HTMLElement.prototype, {
    clientWidth: { configurable: true, get: () => size.width },
    clientHeight: { configurable: true, get: () => size.height },
    offsetHeight: { configurable: true, get: () => size.height },
  });
  Object.defineProperty(window, "matchMedia", {
    value: (media: string) => ({
      media,
      matches: false,
      addEventListener: () => {},
      removeEventListener: () => {},
    }),
  });
  window.ResizeObserver = class {
    observe() {}
    unobserve() {}
    disconnect() {}
  };
  HTMLDialogElement.prototype.showModal = function () {
    this.open = true;
  };
  Element.prototype.scrollTo = () => {};
  window.scrollTo = () => {};
  Element.prototype.scrollIntoView = () => {};
  const rectangle = () =>
    ({ ...size, top: 0, left: 0, right: 0, bottom: 0, x: 0, y: 0 }) as DOMRect;
  Range.prototype.getBoundingClientRect = rectangle;
  Range.prototype.getClientRects = () => [] as unknown as DOMRectList;
  document.elementFromPoint = () => null;
}

afterEach(() => {
  if (typeof window === "undefined") return;
  cleanup();
  window.localStorage.clear();
  window.sessionStorage.clear();
  window.history.replaceState(null, "", "/");
});
