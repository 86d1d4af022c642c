/** Message type ids (RTMP 1.0 5.4, 6.2, 7.1). */

export const TYPE_SET_CHUNK_SIZE = 1;
export const TYPE_ABORT = 2;
export const TYPE_ACKNOWLEDGEMENT = 3;
export const TYPE_USER_CONTROL = 4;
export const TYPE_WINDOW_ACKNOWLEDGEMENT_SIZE = 5;
export const TYPE_SET_PEER_BANDWIDTH = 6;
export const TYPE_AUDIO = 8;
export const TYPE_VIDEO = 9;
export const TYPE_DATA_AMF3 = 15;
export const TYPE_COMMAND_AMF3 = 17;
export const TYPE_DATA_AMF0 = 18;
export const TYPE_COMMAND_AMF0 = 20;
export const TYPE_AGGREGATE = 22;
