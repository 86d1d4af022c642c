export { Blacklist } from './blacklist.ts';
export { type CallbackDeps, type CallbackOptions, createDecisionCallbacks } from './callbacks.ts';
export { allOf } from './decision.ts';
export {
  type AdmissionAnswer,
  type AdmissionFunctions,
  createFunctionAdmission,
} from './functions.ts';
export { createJwtAuth, type JwtOptions } from './jwt.ts';
export { createSimpleAuth, type SimpleAuthOptions } from './simple-auth.ts';
