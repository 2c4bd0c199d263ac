// What runs inside workerd: the groups of `groups.js`.
import { prepare } from "./groups.js";
import { batchWorker } from "./harness.js";

export default batchWorker(prepare);
