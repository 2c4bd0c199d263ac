import { deliver } from "./deliver.js";

deliver().then(console.log);
