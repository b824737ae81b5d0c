import { startProcess } from "../../src/dev/processes.ts";

// Started as a process of its own by a test that kills it: starts a program, prints its pid and waits.
const logFile = process.argv[2];
if (logFile === undefined) throw new Error("usage: processes.ts LOGFILE");
const sleeper = startProcess({ name: "sleeper", command: "sleep", args: ["600"], logFile });
console.log(sleeper.pid);
setInterval(() => {}, 1000);
