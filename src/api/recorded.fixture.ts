/** Test data: what lalserver 0.37.4 was asked and answered, recorded on the wire; the endpoints that are here, in full. */

export interface Recorded {
  readonly name: string;
  readonly request: string;
  readonly responseHead: string;
  readonly responseBody: string;
}

export const RECORDED: readonly Recorded[] = [
  {
    name: 'lal_info',
    request: 'GET /api/stat/lal_info HTTP/1.1\r\nHost: 127.0.0.1:8083\r\nConnection: close\r\n\r\n',
    responseHead:
      'HTTP/1.1 200 OK\r\nAccess-Control-Allow-Credentials: true\r\nAccess-Control-Allow-Headers: Content-Type\r\nAccess-Control-Allow-Origin: *\r\nContent-Type: application/json\r\nServer: lal0.37.4\r\nDate: Tue, 24 Nov 2026 08:37:28 GMT\r\nContent-Length: 326\r\nConnection: close\r\n\r\n',
    responseBody:
      '{"error_code":0,"desp":"succ","data":{"server_id":"1","bin_info":"GitTag=unknown. GitCommitLog=unknown. GitStatus=unknown. BuildTime=unknown. GoVersion=unknown. runtime=linux/amd64.","lal_version":"v0.37.4","api_version":"v0.4.9","notify_version":"v0.2.5","WebUiVersion":"v0.0.3","start_time":"2026-11-24 08:37:18.855 Z UTC"}}',
  },
  {
    name: 'all_group',
    request: 'GET /api/stat/all_group HTTP/1.1\r\nHost: 127.0.0.1:8083\r\nConnection: close\r\n\r\n',
    responseHead:
      'HTTP/1.1 200 OK\r\nAccess-Control-Allow-Credentials: true\r\nAccess-Control-Allow-Headers: Content-Type\r\nAccess-Control-Allow-Origin: *\r\nContent-Type: application/json\r\nServer: lal0.37.4\r\nDate: Tue, 24 Nov 2026 08:37:28 GMT\r\nContent-Length: 912\r\nConnection: close\r\n\r\n',
    responseBody:
      '{"error_code":0,"desp":"succ","data":{"groups":[{"stream_name":"test110","app_name":"live","audio_codec":"AAC","video_codec":"H264","video_width":1280,"video_height":720,"pub":{"session_id":"RTMPPUBSUB1","protocol":"RTMP","base_type":"PUB","remote_addr":"127.0.0.1:55992","start_time":"2026-11-24 08:37:20.092 Z UTC","read_bytes_sum":2412608,"wrote_bytes_sum":3500,"bitrate_kbits":2091,"read_bitrate_kbits":2091,"write_bitrate_kbits":0},"subs":null,"pull":{"session_id":"","protocol":"","base_type":"","remote_addr":"","start_time":"","read_bytes_sum":0,"wrote_bytes_sum":0,"bitrate_kbits":0,"read_bitrate_kbits":0,"write_bitrate_kbits":0},"in_frame_per_sec":[{"unix_sec":1795509447,"v":30},{"unix_sec":1795509446,"v":30},{"unix_sec":1795509445,"v":30},{"unix_sec":1795509444,"v":30},{"unix_sec":1795509443,"v":30},{"unix_sec":1795509442,"v":30},{"unix_sec":1795509441,"v":30},{"unix_sec":1795509440,"v":24}]}]}}',
  },
  {
    name: 'group',
    request: 'GET /api/stat/group?stream_name=test110 HTTP/1.1\r\nHost: 127.0.0.1:8083\r\nConnection: close\r\n\r\n',
    responseHead:
      'HTTP/1.1 200 OK\r\nAccess-Control-Allow-Credentials: true\r\nAccess-Control-Allow-Headers: Content-Type\r\nAccess-Control-Allow-Origin: *\r\nContent-Type: application/json\r\nServer: lal0.37.4\r\nDate: Tue, 24 Nov 2026 08:37:28 GMT\r\nContent-Length: 899\r\nConnection: close\r\n\r\n',
    responseBody:
      '{"error_code":0,"desp":"succ","data":{"stream_name":"test110","app_name":"live","audio_codec":"AAC","video_codec":"H264","video_width":1280,"video_height":720,"pub":{"session_id":"RTMPPUBSUB1","protocol":"RTMP","base_type":"PUB","remote_addr":"127.0.0.1:55992","start_time":"2026-11-24 08:37:20.092 Z UTC","read_bytes_sum":2412608,"wrote_bytes_sum":3500,"bitrate_kbits":2091,"read_bitrate_kbits":2091,"write_bitrate_kbits":0},"subs":null,"pull":{"session_id":"","protocol":"","base_type":"","remote_addr":"","start_time":"","read_bytes_sum":0,"wrote_bytes_sum":0,"bitrate_kbits":0,"read_bitrate_kbits":0,"write_bitrate_kbits":0},"in_frame_per_sec":[{"unix_sec":1795509447,"v":30},{"unix_sec":1795509446,"v":30},{"unix_sec":1795509445,"v":30},{"unix_sec":1795509444,"v":30},{"unix_sec":1795509443,"v":30},{"unix_sec":1795509442,"v":30},{"unix_sec":1795509441,"v":30},{"unix_sec":1795509440,"v":24}]}}',
  },
  {
    name: 'group missing param',
    request: 'GET /api/stat/group HTTP/1.1\r\nHost: 127.0.0.1:8083\r\nConnection: close\r\n\r\n',
    responseHead:
      'HTTP/1.1 200 OK\r\nAccess-Control-Allow-Credentials: true\r\nAccess-Control-Allow-Headers: Content-Type\r\nAccess-Control-Allow-Origin: *\r\nContent-Type: application/json\r\nServer: lal0.37.4\r\nDate: Tue, 24 Nov 2026 08:37:28 GMT\r\nContent-Length: 54\r\nConnection: close\r\n\r\n',
    responseBody: '{"error_code":1002,"desp":"param missing","data":null}',
  },
  {
    name: 'group not found',
    request: 'GET /api/stat/group?stream_name=nope HTTP/1.1\r\nHost: 127.0.0.1:8083\r\nConnection: close\r\n\r\n',
    responseHead:
      'HTTP/1.1 200 OK\r\nAccess-Control-Allow-Credentials: true\r\nAccess-Control-Allow-Headers: Content-Type\r\nAccess-Control-Allow-Origin: *\r\nContent-Type: application/json\r\nServer: lal0.37.4\r\nDate: Tue, 24 Nov 2026 08:37:28 GMT\r\nContent-Length: 56\r\nConnection: close\r\n\r\n',
    responseBody: '{"error_code":1001,"desp":"group not found","data":null}',
  },
  {
    name: 'unknown path',
    request: 'GET /api/stat/nope HTTP/1.1\r\nHost: 127.0.0.1:8083\r\nConnection: close\r\n\r\n',
    responseHead:
      'HTTP/1.1 200 OK\r\nAccess-Control-Allow-Credentials: true\r\nAccess-Control-Allow-Headers: Content-Type\r\nAccess-Control-Allow-Origin: *\r\nContent-Type: application/json\r\nServer: lal0.37.4\r\nDate: Tue, 24 Nov 2026 08:37:28 GMT\r\nContent-Length: 72\r\nConnection: close\r\n\r\n',
    responseBody: '{"error_code":404,"desp":"page not found, check this document out: lal"}',
  },
  {
    name: 'kick no param',
    request:
      'POST /api/ctrl/kick_session HTTP/1.1\r\nHost: 127.0.0.1:8083\r\nContent-Type: application/json\r\nContent-Length: 25\r\nConnection: close\r\n\r\n{"stream_name":"test110"}',
    responseHead:
      'HTTP/1.1 200 OK\r\nAccess-Control-Allow-Credentials: true\r\nAccess-Control-Allow-Headers: Content-Type\r\nAccess-Control-Allow-Origin: *\r\nContent-Type: application/json\r\nServer: lal0.37.4\r\nDate: Tue, 24 Nov 2026 08:37:30 GMT\r\nContent-Length: 42\r\nConnection: close\r\n\r\n',
    responseBody: '{"error_code":1002,"desp":"param missing"}',
  },
  {
    name: 'kick group not found',
    request:
      'POST /api/ctrl/kick_session HTTP/1.1\r\nHost: 127.0.0.1:8083\r\nContent-Type: application/json\r\nContent-Length: 49\r\nConnection: close\r\n\r\n{"stream_name":"nope","session_id":"RTMPPUBSUB1"}',
    responseHead:
      'HTTP/1.1 200 OK\r\nAccess-Control-Allow-Credentials: true\r\nAccess-Control-Allow-Headers: Content-Type\r\nAccess-Control-Allow-Origin: *\r\nContent-Type: application/json\r\nServer: lal0.37.4\r\nDate: Tue, 24 Nov 2026 08:37:30 GMT\r\nContent-Length: 44\r\nConnection: close\r\n\r\n',
    responseBody: '{"error_code":1001,"desp":"group not found"}',
  },
  {
    name: 'kick session not found',
    request:
      'POST /api/ctrl/kick_session HTTP/1.1\r\nHost: 127.0.0.1:8083\r\nContent-Type: application/json\r\nContent-Length: 54\r\nConnection: close\r\n\r\n{"stream_name":"test110","session_id":"RTMPPUBSUB999"}',
    responseHead:
      'HTTP/1.1 200 OK\r\nAccess-Control-Allow-Credentials: true\r\nAccess-Control-Allow-Headers: Content-Type\r\nAccess-Control-Allow-Origin: *\r\nContent-Type: application/json\r\nServer: lal0.37.4\r\nDate: Tue, 24 Nov 2026 08:37:30 GMT\r\nContent-Length: 46\r\nConnection: close\r\n\r\n',
    responseBody: '{"error_code":1003,"desp":"session not found"}',
  },
  {
    name: 'start_rtp_pub ok',
    request:
      'POST /api/ctrl/start_rtp_pub HTTP/1.1\r\nHost: 127.0.0.1:8083\r\nContent-Type: application/json\r\nContent-Length: 49\r\nConnection: close\r\n\r\n{"stream_name":"gb1","port":0,"timeout_ms":10000}',
    responseHead:
      'HTTP/1.1 200 OK\r\nAccess-Control-Allow-Credentials: true\r\nAccess-Control-Allow-Headers: Content-Type\r\nAccess-Control-Allow-Origin: *\r\nContent-Type: application/json\r\nServer: lal0.37.4\r\nDate: Tue, 24 Nov 2026 08:37:30 GMT\r\nContent-Length: 94\r\nConnection: close\r\n\r\n',
    responseBody: '{"error_code":0,"desp":"succ","data":{"stream_name":"gb1","session_id":"PSPUB1","port":30000}}',
  },
  {
    name: 'start_rtp_pub no name',
    request:
      'POST /api/ctrl/start_rtp_pub HTTP/1.1\r\nHost: 127.0.0.1:8083\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}',
    responseHead:
      'HTTP/1.1 200 OK\r\nAccess-Control-Allow-Credentials: true\r\nAccess-Control-Allow-Headers: Content-Type\r\nAccess-Control-Allow-Origin: *\r\nContent-Type: application/json\r\nServer: lal0.37.4\r\nDate: Tue, 24 Nov 2026 08:37:30 GMT\r\nContent-Length: 93\r\nConnection: close\r\n\r\n',
    responseBody: '{"error_code":1002,"desp":"param missing","data":{"stream_name":"","session_id":"","port":0}}',
  },
];
