/* rtsp.h: an RTSP player's requests over one TCP connection (RFC 2326): OPTIONS, DESCRIBE, SETUP of each track, PLAY. */
#define MAX_ANSWER 16384
#define MAX_TRACKS 4

struct rtsp {
  char text[MAX_ANSWER + 1];
  size_t length;
  char base[512], session[128], control[MAX_TRACKS][256];
  int answers, tracks, set_up;
};

static void rtsp_request(struct rtsp *r, int fd, const char *method, const char *url, const char *headers) {
  char out[2048], session[160] = "";
  if (r->session[0]) snprintf(session, sizeof session, "Session: %s\r\n", r->session);
  int n = snprintf(out, sizeof out, "%s %s RTSP/1.0\r\nCSeq: %d\r\nUser-Agent: sink\r\n%s%s\r\n", method, url, r->answers + 1, session, headers);
  send(fd, out, n, MSG_NOSIGNAL);
}

/* the value of a header of the answer, to the end of its line or `stop`; whether it is there */
static int rtsp_header(const char *text, const char *name, char stop, char *out, size_t size) {
  const char *at = strcasestr(text, name);
  if (!at) return 0;
  at += strlen(name);
  while (*at == ' ') at++;
  size_t n = 0;
  while (at[n] && at[n] != '\r' && at[n] != stop && n + 1 < size) { out[n] = at[n]; n++; }
  out[n] = 0;
  return 1;
}

/* the tracks' control URLs; the session's own, before the first m=, is none */
static void rtsp_read_tracks(struct rtsp *r, const char *sdp) {
  const char *at = strstr(sdp, "m=");
  while (at && r->tracks < MAX_TRACKS && (at = strstr(at, "a=control:"))) {
    char control[200];
    if (!rtsp_header(at, "a=control:", '\n', control, sizeof control)) return;
    if (!strncmp(control, "rtsp://", 7)) snprintf(r->control[r->tracks], sizeof r->control[0], "%s", control);
    else snprintf(r->control[r->tracks], sizeof r->control[0], "%.200s/%s", r->base, control);
    r->tracks++;
    at += 10;
  }
}

/* takes what the socket gave and asks what comes next; 1: it plays, 0: not yet, -1: refused */
static int rtsp_step(struct rtsp *r, int fd, const char *url, const uint8_t *bytes, size_t n) {
  /* media may follow at once on the answer to PLAY: that answer is short, and what does not fit is thrown away as all media */
  if (n > MAX_ANSWER - r->length) n = MAX_ANSWER - r->length;
  if (!n) return -1;
  memcpy(r->text + r->length, bytes, n);
  r->length += n;
  r->text[r->length] = 0;
  char *body = strstr(r->text, "\r\n\r\n"), value[512];
  if (!body) return 0;
  body += 4;
  size_t wanted = 0;
  if (rtsp_header(r->text, "\nContent-Length:", '\r', value, sizeof value)) wanted = atoi(value);
  if (r->length - (body - r->text) < wanted) return 0;
  if (strncmp(r->text, "RTSP/1.0 200", 12)) return -1;
  r->answers++;
  if (r->answers == 1) rtsp_request(r, fd, "DESCRIBE", url, "Accept: application/sdp\r\n");
  else {
    if (r->answers == 2) {
      if (!rtsp_header(r->text, "\nContent-Base:", '\r', r->base, sizeof r->base)) snprintf(r->base, sizeof r->base, "%s", url);
      size_t last = strlen(r->base);
      if (last && r->base[last - 1] == '/') r->base[last - 1] = 0;
      rtsp_read_tracks(r, body);
      if (!r->tracks) return -1;
    } else if (r->answers == 3) rtsp_header(r->text, "\nSession:", ';', r->session, sizeof r->session);
    if (r->set_up < r->tracks) {
      snprintf(value, sizeof value, "Transport: RTP/AVP/TCP;unicast;interleaved=%d-%d\r\n", 2 * r->set_up, 2 * r->set_up + 1);
      rtsp_request(r, fd, "SETUP", r->control[r->set_up++], value);
    } else if (r->answers == 2 + r->tracks) rtsp_request(r, fd, "PLAY", r->base, "Range: npt=0.000-\r\n");
    else return 1;
  }
  r->length = 0;
  return 0;
}
