/** Maps the keys that say who is let in onto the options of admission. */
import type { CallbackOptions, JwtOptions, SimpleAuthOptions } from '../admission/index.ts';
import type { Config } from './schema.ts';

/** Simple authentication. */
export function simpleAuthOptions({ simple_auth: auth }: Config): SimpleAuthOptions {
  return {
    key: auth.key,
    dangerousLalSecret: auth.dangerous_lal_secret,
    pubRtmpEnable: auth.pub_rtmp_enable,
    subRtmpEnable: auth.sub_rtmp_enable,
    subHttpflvEnable: auth.sub_httpflv_enable,
    subHttptsEnable: auth.sub_httpts_enable,
    pubRtspEnable: auth.pub_rtsp_enable,
    subRtspEnable: auth.sub_rtsp_enable,
    hlsM3u8Enable: auth.hls_m3u8_enable,
  };
}

/** Admission by token; null where neither direction wants one. */
export function jwtOptions({ millrace }: Config): JwtOptions | null {
  const { jwt } = millrace.admission;
  if (!jwt.publish && !jwt.play) return null;
  return {
    publish: jwt.publish,
    play: jwt.play,
    key: jwt.key,
    jwksFile: jwt.jwks_file,
    param: jwt.param,
    issuer: jwt.issuer,
    audience: jwt.audience,
  };
}

/** Decision callbacks. */
export function callbackOptions({ millrace }: Config): CallbackOptions {
  const { admission } = millrace;
  return {
    onPublish: admission.on_publish,
    onPlay: admission.on_play,
    timeoutMs: admission.timeout_ms,
    failOpen: admission.fail_open,
  };
}
