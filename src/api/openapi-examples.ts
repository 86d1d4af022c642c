/** Examples of the API's document, as a real server was asked and answered: written by test/e2e/openapi.test.ts. */

export interface Example {
  readonly request: Readonly<Record<string, unknown>>;
  /** As they were on the wire: what was done first, then refusals. */
  readonly answers: readonly string[];
}

export const EXAMPLES: Readonly<Record<string, Example>> = {
  '/api/stat/lal_info': {
    request: {},
    answers: [
      '{"error_code":0,"desp":"succ","data":{"server_id":"1","bin_info":"Millrace 0.1.0 (node v26.10.0, linux/x64)","lal_version":"v0.37.4","api_version":"v0.4.9","notify_version":"v0.2.2","WebUiVersion":"v0.0.3","start_time":"2026-11-25 09:21:14.411"}}',
    ],
  },
  '/api/stat/group': {
    request: { stream_name: 'test110' },
    answers: [
      '{"error_code":0,"desp":"succ","data":{"stream_name":"test110","app_name":"live","audio_codec":"AAC","video_codec":"H264","video_width":640,"video_height":360,"pub":{"session_id":"RTMPPUBSUB1","protocol":"RTMP","base_type":"PUB","start_time":"2026-11-25 09:21:14.764","remote_addr":"127.0.0.1:39848","read_bytes_sum":710492,"wrote_bytes_sum":3705,"bitrate_kbits":1097,"read_bitrate_kbits":1097,"write_bitrate_kbits":6,"dropped_frames":0,"lost_packets":0},"subs":[{"session_id":"FLVSUB1","protocol":"FLV","base_type":"SUB","start_time":"2026-11-25 09:21:14.774","remote_addr":"127.0.0.1:55844","read_bytes_sum":57,"wrote_bytes_sum":709615,"bitrate_kbits":1095,"read_bitrate_kbits":0,"write_bitrate_kbits":1095,"dropped_frames":0,"lost_packets":0}],"pull":{"session_id":"","protocol":"","base_type":"","start_time":"","remote_addr":"","read_bytes_sum":0,"wrote_bytes_sum":0,"bitrate_kbits":0,"read_bitrate_kbits":0,"write_bitrate_kbits":0,"dropped_frames":0,"lost_packets":0},"pushs":[],"in_frame_per_sec":[{"unix_sec":1795598478,"v":32},{"unix_sec":1795598477,"v":28},{"unix_sec":1795598476,"v":30},{"unix_sec":1795598475,"v":30},{"unix_sec":1795598474,"v":7}]}}',
      '{"error_code":1001,"desp":"group not found","data":null}',
      '{"error_code":1002,"desp":"param missing","data":null}',
    ],
  },
  '/api/stat/all_group': {
    request: {},
    answers: [
      '{"error_code":0,"desp":"succ","data":{"groups":[{"stream_name":"test110","app_name":"live","audio_codec":"AAC","video_codec":"H264","video_width":640,"video_height":360,"pub":{"session_id":"RTMPPUBSUB1","protocol":"RTMP","base_type":"PUB","start_time":"2026-11-25 09:21:14.764","remote_addr":"127.0.0.1:39848","read_bytes_sum":714807,"wrote_bytes_sum":3705,"bitrate_kbits":1097,"read_bitrate_kbits":1097,"write_bitrate_kbits":6,"dropped_frames":0,"lost_packets":0},"subs":[{"session_id":"FLVSUB1","protocol":"FLV","base_type":"SUB","start_time":"2026-11-25 09:21:14.774","remote_addr":"127.0.0.1:55844","read_bytes_sum":57,"wrote_bytes_sum":713944,"bitrate_kbits":1095,"read_bitrate_kbits":0,"write_bitrate_kbits":1095,"dropped_frames":0,"lost_packets":0}],"pull":{"session_id":"","protocol":"","base_type":"","start_time":"","remote_addr":"","read_bytes_sum":0,"wrote_bytes_sum":0,"bitrate_kbits":0,"read_bitrate_kbits":0,"write_bitrate_kbits":0,"dropped_frames":0,"lost_packets":0},"pushs":[],"in_frame_per_sec":[{"unix_sec":1795598478,"v":32},{"unix_sec":1795598477,"v":28},{"unix_sec":1795598476,"v":30},{"unix_sec":1795598475,"v":30},{"unix_sec":1795598474,"v":7}]}],"event_seq":9}}',
    ],
  },
  '/api/server/info': {
    request: {},
    answers: [
      '{"error_code":0,"desp":"succ","data":{"listeners":[{"protocol":"RTMP","scheme":"rtmp","host":"127.0.0.1","port":1935,"url_pattern":""},{"protocol":"HLS","scheme":"http","host":"127.0.0.1","port":8080,"url_pattern":"/hls/"},{"protocol":"FLV","scheme":"http","host":"127.0.0.1","port":8080,"url_pattern":"/"},{"protocol":"TS","scheme":"http","host":"127.0.0.1","port":8080,"url_pattern":"/"}],"features":{"low_latency_hls":true,"notify":true,"publish_secret":false,"play_secret":false},"warnings":["off, because the configuration does not name them: rtmp.rtmps_enable, rtmp.single_gop_max_frame_num, rtmp.merge_write_size, in_session, httpflv.enable_https, httpflv.single_gop_max_frame_num, httpts.enable_https, httpts.single_gop_max_frame_num, hls.enable_https, hls.use_memory_as_disk_flag, hls.sub_session_hash_key, rtsp, record, relay_push, static_relay_pull, simple_auth, pprof, debug"]}}',
    ],
  },
  '/api/ctrl/start_relay_pull': {
    request: { url: 'rtmp://127.0.0.1:1935/live/test110', stream_name: 'fetched', pull_retry_num: -1 },
    answers: [
      '{"error_code":0,"desp":"succ","data":{"stream_name":"fetched","session_id":"RTMPPULL1"}}',
      '{"error_code":2001,"desp":"the URL begins with none of rtmp://, rtmps://, rtsp://, rtsps://","data":{"stream_name":"","session_id":""}}',
      '{"error_code":1002,"desp":"param missing","data":{"stream_name":"","session_id":""}}',
    ],
  },
  '/api/ctrl/stop_relay_pull': {
    request: { stream_name: 'fetched' },
    answers: [
      '{"error_code":0,"desp":"succ","data":{"session_id":"RTMPPULL1"}}',
      '{"error_code":1001,"desp":"group not found","data":{"session_id":""}}',
      '{"error_code":1003,"desp":"session not found","data":{"session_id":""}}',
      '{"error_code":1002,"desp":"param missing","data":{"session_id":""}}',
    ],
  },
  '/api/ctrl/start_rtp_pub': {
    request: { stream_name: 'camera1', port: 0 },
    answers: [
      '{"error_code":0,"desp":"succ","data":{"stream_name":"camera1","session_id":"PSPUB1","port":30000}}',
      '{"error_code":2002,"desp":"stream test110 is being published already","data":{"stream_name":"","session_id":"","port":0}}',
      '{"error_code":1002,"desp":"param missing","data":{"stream_name":"","session_id":"","port":0}}',
    ],
  },
  '/api/record/start': {
    request: { stream_name: 'test110', format: 'mp4' },
    answers: [
      '{"error_code":0,"desp":"succ","data":{"stream_name":"test110","format":"mp4"}}',
      '{"error_code":2003,"desp":"stream test110 is being recorded as mp4 already"}',
      '{"error_code":1001,"desp":"group not found"}',
      '{"error_code":1002,"desp":"param missing: format must be one of flv, ts, mp4, not \\"avi\\""}',
    ],
  },
  '/api/record/list': {
    request: { stream_name: 'test110', limit: 10 },
    answers: [
      '{"error_code":0,"desp":"succ","data":{"total":1,"files":[{"stream_name":"test110","format":"mp4","path":"lal_record/mp4/test110-1795598480.mp4","bytes":1094,"start_time":"2026-11-25 09:21:20.000","modified_time":"2026-11-25 09:21:20.780","is_running":true}]}}',
      '{"error_code":1002,"desp":"param missing: limit must be an integer from 1 to 10000, not \\"0\\""}',
    ],
  },
  '/api/record/stop': {
    request: { stream_name: 'test110', format: 'mp4' },
    answers: [
      '{"error_code":0,"desp":"succ","data":{"stopped":1}}',
      '{"error_code":1003,"desp":"session not found"}',
      '{"error_code":1002,"desp":"param missing: stream_name must be the name of a stream, not left out"}',
    ],
  },
  '/api/notify/status': {
    request: {},
    answers: [
      '{"error_code":0,"desp":"succ","data":{"database":"ok","why":"","lost":0,"last_seq":21,"receivers":[{"receiver":"http://127.0.0.1:10101","backlog":0,"oldest_age_ms":0,"in_flight":0,"retrying":0,"delivered":21,"refused":0,"expired":0}]}}',
    ],
  },
  '/api/notify/events': {
    request: { stream_name: 'test110', order: 'desc', limit: 2 },
    answers: [
      '{"error_code":0,"desp":"succ","data":{"events":[{"seq":21,"id":"msg-c2fc18cc-21","event":"on_record_stop","stream_name":"test110","stream_seq":13,"session_id":null,"reason":null,"url":"http://127.0.0.1:10101/on_record_stop","state":"delivered","attempts":[{"at":"2026-11-25 09:21:20.813","status":200,"error":null}],"unix_ms":1795598480806,"body":"{\\"server_id\\":\\"1\\",\\"stream_name\\":\\"test110\\",\\"app_name\\":\\"live\\",\\"format\\":\\"mp4\\",\\"path\\":\\"lal_record/mp4/test110-1795598480.mp4\\",\\"start_time\\":\\"2026-11-25 09:21:20.779\\",\\"duration\\":0.016,\\"bytes\\":14672,\\"reason\\":\\"stopped\\"}"},{"seq":20,"id":"msg-c2fc18cc-20","event":"on_hls_make_ts","stream_name":"test110","stream_seq":12,"session_id":null,"reason":null,"url":"http://127.0.0.1:10101/on_hls_make_ts","state":"delivered","attempts":[{"at":"2026-11-25 09:21:20.794","status":200,"error":null}],"unix_ms":1795598480786,"body":"{\\"event\\":\\"open\\",\\"stream_name\\":\\"test110\\",\\"cwd\\":\\"/srv/millrace\\",\\"ts_file\\":\\"lal_record/hls/test110/test110-1795598480777-3.ts\\",\\"live_m3u8_file\\":\\"lal_record/hls/test110/playlist.m3u8\\",\\"record_m3u8_file\\":\\"lal_record/hls/test110/record.m3u8\\",\\"id\\":3,\\"duration\\":0,\\"server_id\\":\\"1\\"}"}]}}',
      '{"error_code":1002,"desp":"param missing: limit must be an integer from 1 to 1000, not \\"0\\""}',
    ],
  },
  '/api/notify/replay': {
    request: { ids: ['msg-c2fc18cc-3'] },
    answers: [
      '{"error_code":0,"desp":"succ","data":{"replayed":1}}',
      '{"error_code":1002,"desp":"param missing: exactly one of ids, state, or from and to is needed"}',
    ],
  },
  '/api/ctrl/kick_session': {
    request: { stream_name: 'test110', session_id: 'FLVSUB1' },
    answers: [
      '{"error_code":0,"desp":"succ"}',
      '{"error_code":1001,"desp":"group not found"}',
      '{"error_code":1003,"desp":"session not found"}',
      '{"error_code":1002,"desp":"param missing"}',
    ],
  },
  '/api/ctrl/add_ip_blacklist': {
    request: { ip: '192.0.2.7', duration_sec: 3600 },
    answers: ['{"error_code":0,"desp":"succ"}', '{"error_code":1002,"desp":"param missing"}'],
  },
  '/api/server/reload': {
    request: {},
    answers: [
      '{"error_code":0,"desp":"succ","data":{"applied":["log.level"],"needs_restart":["server_id"],"certificates":[]}}',
      '{"error_code":2004,"desp":"not reloaded, nothing was changed","data":{"errors":["rtmp.addr: found \\"nowhere\\" (string), allowed: a string HOST:PORT or :PORT"]}}',
      '{"error_code":1002,"desp":"param missing: file is not known here, there are no parameters"}',
    ],
  },
  '/api/server/drain': {
    request: { timeout_sec: 60 },
    answers: [
      '{"error_code":0,"desp":"succ","data":{"sessions":1,"ends_in_sec":60,"ends_at":"2026-11-25 09:22:21.715"}}',
      '{"error_code":1002,"desp":"param missing: timeout_sec must be an integer from 0 to 86400, not -1"}',
    ],
  },
  '/api/notify/stream': {
    request: { since: 0 },
    answers: [
      'retry: 1000\nid: 0\n\nid: 1\ndata: {"seq":1,"id":"msg-c2fc18cc-1","event":"on_server_start","stream_name":null,"stream_seq":null,"session_id":null,"reason":null,"url":"http://127.0.0.1:10101/on_server_start","state":"delivered","attempts":[{"at":"2026-11-25 09:21:14.555","status":200,"error":null}],"unix_ms":1795598474494,"body":"{\\"server_id\\":\\"1\\",\\"bin_info\\":\\"Millrace 0.1.0 (node v26.10.0, linux/x64)\\",\\"lal_version\\":\\"v0.37.4\\",\\"api_version\\":\\"v0.4.9\\",\\"notify_version\\":\\"v0.2.2\\",\\"WebUiVersion\\":\\"v0.0.3\\",\\"start_time\\":\\"2026-11-25 09:21:14.411\\"}"}\n\nid: 2\ndata: {"seq":2,"id":"msg-c2fc18cc-2","event":"on_rtmp_connect","stream_name":null,"stream_seq":null,"session_id":"RTMPPUBSUB1","reason":null,"url":"http://127.0.0.1:10101/on_rtmp_connect","state":"delivered","attempts":[{"at":"2026-11-25 09:21:14.677","status":200,"error":null}],"unix_ms":1795598474671,"body":"{\\"server_id\\":\\"1\\",\\"session_id\\":\\"RTMPPUBSUB1\\",\\"remote_addr\\":\\"127.0.0.1:39848\\",\\"app\\":\\"live\\",\\"flashVer\\":\\"FMLE/3.0 (compatible; Lavf59.27.100)\\",\\"tcUrl\\":\\"rtmp://127.0.0.1:1935/live\\"}"}\n\n',
    ],
  },
  '/metrics': {
    request: {},
    answers: [
      '# HELP millrace_build_info 1, with the versions as labels\n# TYPE millrace_build_info gauge\nmillrace_build_info{version="0.1.0",node="26.10.0"} 1\n\n# HELP millrace_ready 1 while new sessions are taken, else 0\n# TYPE millrace_ready gauge\nmillrace_ready 1',
    ],
  },
  '/healthz': { request: {}, answers: ['ok\n'] },
  '/readyz': { request: {}, answers: ['ready\n'] },
};

/** Bodies of callbacks, by event. */
export const WEBHOOK_EXAMPLES: Readonly<Record<string, string>> = {
  on_server_start:
    '{"server_id":"1","bin_info":"Millrace 0.1.0 (node v26.10.0, linux/x64)","lal_version":"v0.37.4","api_version":"v0.4.9","notify_version":"v0.2.2","WebUiVersion":"v0.0.3","start_time":"2026-11-25 09:21:14.411"}',
  on_update:
    '{"server_id":"1","groups":[{"stream_name":"test110","app_name":"live","audio_codec":"AAC","video_codec":"H264","video_width":640,"video_height":360,"pub":{"session_id":"RTMPPUBSUB1","protocol":"RTMP","base_type":"PUB","start_time":"2026-11-25 09:21:14.764","remote_addr":"127.0.0.1:39848","read_bytes_sum":133460,"wrote_bytes_sum":3705,"bitrate_kbits":0,"read_bitrate_kbits":0,"write_bitrate_kbits":0},"subs":[{"session_id":"FLVSUB1","protocol":"FLV","base_type":"SUB","start_time":"2026-11-25 09:21:14.774","remote_addr":"127.0.0.1:55844","read_bytes_sum":57,"wrote_bytes_sum":129914,"bitrate_kbits":0,"read_bitrate_kbits":0,"write_bitrate_kbits":0}],"pull":{"session_id":"","protocol":"","base_type":"","start_time":"","remote_addr":"","read_bytes_sum":0,"wrote_bytes_sum":0,"bitrate_kbits":0,"read_bitrate_kbits":0,"write_bitrate_kbits":0},"pushs":[],"in_frame_per_sec":[{"unix_sec":1795598474,"v":7}]}]}',
  on_rtmp_connect:
    '{"server_id":"1","session_id":"RTMPPUBSUB1","remote_addr":"127.0.0.1:39848","app":"live","flashVer":"FMLE/3.0 (compatible; Lavf59.27.100)","tcUrl":"rtmp://127.0.0.1:1935/live"}',
  on_pub_start:
    '{"server_id":"1","session_id":"RTMPPUBSUB1","protocol":"RTMP","base_type":"PUB","remote_addr":"127.0.0.1:39848","url":"rtmp://127.0.0.1:1935/live/test110","app_name":"live","stream_name":"test110","url_param":"","has_in_session":true,"has_out_session":false,"read_bytes_sum":3408,"wrote_bytes_sum":3557}',
  on_pub_stop:
    '{"server_id":"1","session_id":"RTMPPUBSUB1","protocol":"RTMP","base_type":"PUB","remote_addr":"127.0.0.1:39848","url":"rtmp://127.0.0.1:1935/live/test110","app_name":"live","stream_name":"test110","url_param":"","has_in_session":false,"has_out_session":false,"read_bytes_sum":1020299,"wrote_bytes_sum":3705}',
  on_sub_start:
    '{"server_id":"1","session_id":"FLVSUB1","protocol":"FLV","base_type":"SUB","remote_addr":"127.0.0.1:55844","url":"http://127.0.0.1:8080/live/test110.flv","app_name":"live","stream_name":"test110","url_param":"","has_in_session":true,"has_out_session":true,"read_bytes_sum":57,"wrote_bytes_sum":0}',
  on_sub_stop:
    '{"server_id":"1","session_id":"FLVSUB1","protocol":"FLV","base_type":"SUB","remote_addr":"127.0.0.1:55844","url":"http://127.0.0.1:8080/live/test110.flv","app_name":"live","stream_name":"test110","url_param":"","has_in_session":true,"has_out_session":false,"read_bytes_sum":57,"wrote_bytes_sum":897372}',
  on_relay_pull_start:
    '{"server_id":"1","session_id":"RTMPPULL1","protocol":"RTMP","base_type":"PULL","remote_addr":"127.0.0.1:1935","url":"rtmp://127.0.0.1:1935/live/test110","app_name":"live","stream_name":"fetched","url_param":"","has_in_session":true,"has_out_session":false,"read_bytes_sum":68961,"wrote_bytes_sum":3386}',
  on_relay_pull_stop:
    '{"server_id":"1","session_id":"RTMPPULL1","protocol":"RTMP","base_type":"PULL","remote_addr":"127.0.0.1:1935","url":"rtmp://127.0.0.1:1935/live/test110","app_name":"live","stream_name":"fetched","url_param":"","has_in_session":false,"has_out_session":false,"read_bytes_sum":124940,"wrote_bytes_sum":3386}',
  on_hls_make_ts:
    '{"event":"close","stream_name":"test110","cwd":"/srv/millrace","ts_file":"lal_record/hls/test110/test110-1795598474816-0.ts","live_m3u8_file":"lal_record/hls/test110/playlist.m3u8","record_m3u8_file":"lal_record/hls/test110/record.m3u8","id":0,"duration":2,"server_id":"1"}',
  on_record_start:
    '{"server_id":"1","stream_name":"test110","app_name":"live","format":"mp4","path":"lal_record/mp4/test110-1795598480.mp4","start_time":"2026-11-25 09:21:20.779"}',
  on_record_stop:
    '{"server_id":"1","stream_name":"test110","app_name":"live","format":"mp4","path":"lal_record/mp4/test110-1795598480.mp4","start_time":"2026-11-25 09:21:20.779","duration":0.016,"bytes":14672,"reason":"stopped"}',
  on_publish:
    '{"server_id":"1","session_id":"RTMPPUBSUB1","protocol":"RTMP","base_type":"PUB","remote_addr":"127.0.0.1:39848","url":"rtmp://127.0.0.1:1935/live/test110","app_name":"live","stream_name":"test110","url_param":"","has_in_session":false,"has_out_session":false,"read_bytes_sum":0,"wrote_bytes_sum":0}',
  on_play:
    '{"server_id":"1","session_id":"FLVSUB1","protocol":"FLV","base_type":"SUB","remote_addr":"127.0.0.1:55844","url":"http://127.0.0.1:8080/live/test110.flv","app_name":"live","stream_name":"test110","url_param":"","has_in_session":true,"has_out_session":false,"read_bytes_sum":0,"wrote_bytes_sum":0}',
};
