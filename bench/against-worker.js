// Runs the groups of `against-groups.js` inside workerd.
import { prepare } from "./against-groups.js";
import { batchWorker } from "./harness.js";

export default batchWorker(prepare);
