/** Marks on schemas for the generator of the API description; none of them is shown. */

/** On the second spelling of a field, which is read and not described. */
export const SAME_AS = 'x-same-as';

/** An example of a whole request body. Zod drops examples of schemas that transform their input. */
export const EXAMPLE = 'x-example';
