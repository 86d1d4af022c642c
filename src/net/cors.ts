/** What browsers of other origins are let do. */

/** As the original sends them, to players and to the API's callers alike. */
export const CORS_HEADERS = {
  'Access-Control-Allow-Credentials': 'true',
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Allow-Headers': 'Content-Type',
} as const;
