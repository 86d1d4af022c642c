/** Test helper: sessions and groups as the hub describes them. */
import type { BaseType, GroupSnapshot, SessionSnapshot } from '../streams/index.ts';

export function session(baseType: BaseType, fields: Partial<SessionSnapshot> = {}): SessionSnapshot {
  return {
    ...{ sessionId: `RTMP${baseType}1`, protocol: 'RTMP', baseType, remoteAddr: '127.0.0.1:1', startUnixMs: 0 },
    ...{ readBytesSum: 0, wroteBytesSum: 0, readBitrateKbits: 0, writeBitrateKbits: 0 },
    ...{ droppedFrames: 0, lostPackets: 0 },
    ...fields,
  };
}

export function group(streamName: string, fields: Partial<GroupSnapshot> = {}): GroupSnapshot {
  return {
    ...{ streamName, appName: 'live', audioCodec: '', videoCodec: '', videoWidth: 0, videoHeight: 0 },
    ...{ pub: null, subs: [], pull: null, pushs: [], inFramePerSec: [] },
    ...fields,
  };
}
