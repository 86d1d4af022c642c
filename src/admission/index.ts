export { createSimpleAuth, type SimpleAuthOptions } from './simple-auth.ts';
