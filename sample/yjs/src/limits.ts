/** Of one document. */
export const MAX_DOCUMENT_BYTES = 1_000_000;
/** Of one document. */
export const MAX_VISITORS = 100;
/** Documents that somebody has open. */
export const MAX_OPEN = 200;
/** Documents in the store. */
export const MAX_DOCUMENTS = 500;
