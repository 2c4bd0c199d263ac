// Runs the groups of `groups.js` inside workerd.
import { prepare } from "./groups.js";
import { batchWorker } from "./harness.js";

export default batchWorker(prepare);
