/** Marks on schemas that the API description is made by; none of them is shown. */

/** On the second spelling of a field, which is read and not described. */
export const SAME_AS = 'x-same-as';

/** What a request sends, as a whole. Examples of a schema that turns what it read into something else are dropped. */
export const EXAMPLE = 'x-example';
