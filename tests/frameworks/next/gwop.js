// One client for all routes; the local Gwop is named by the environment.
import { Gwop } from "@gwop/sdk";

const { GWOP_URL } = process.env;
export const gwop = new Gwop({ serverURL: GWOP_URL, identityURL: GWOP_URL });
