// What runs inside workerd: the groups of `against-groups.js`.
import { prepare } from "./against-groups.js";
import { batchWorker } from "./harness.js";

export default batchWorker(prepare);
