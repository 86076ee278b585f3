/** How the keys that run a statement are written on this system. */
export const runShortcut = /Mac|iPhone|iPad/.test(navigator.userAgent) ? "⌘↵" : "Ctrl ↵";
