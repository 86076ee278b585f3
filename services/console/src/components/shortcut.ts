/** The keyboard shortcut that runs a statement, as written on this platform. */
export const runShortcut = /Mac|iPhone|iPad/.test(navigator.userAgent) ? "⌘↵" : "Ctrl ↵";
