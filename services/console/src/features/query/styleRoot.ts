/**
 * The document as the editor's root. CodeMirror puts its styles into a style element, which the content security policy
 * forbids, unless its root has no head, as in a shadow tree: then it makes a constructed style sheet.
 */
export const styleRoot = new Proxy(document, {
  get(target, property) {
    if (property === "head" && "adoptedStyleSheets" in target) return undefined;
    const value = Reflect.get(target, property, target);
    return typeof value === "function" ? value.bind(target) : value;
  },
  set: (target, property, value) => Reflect.set(target, property, value, target),
});
