import { completeSilently, isSilentCallback } from "@postern/session";

if (isSilentCallback()) await completeSilently();
else await import("./start");
