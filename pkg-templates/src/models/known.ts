/**
 * The known values of an open set: `"PAID"`, not any string. Responses may contain other values, of
 * later versions of the API. Arguments accept these values.
 */
export type Known<T extends string> = T extends string ? (string extends T ? never : T) : never;
