/*
 * publish: N RTMP publishers in one thread, each sending an FLV file round and round at its due times.
 *
 *   cc -O2 -o publish publish.c
 *   ./publish FILE URL N [RAMP_PER_S [mark]]
 *
 * URL is rtmp://HOST:PORT/APP/STREAM; a %d in STREAM becomes the publisher's index. The messages are chunked once, in
 * 4,096 bytes as common encoders do, and only their times differ from publisher to publisher. Publishers begin one after
 * the other, RAMP_PER_S (default 250) a second, so that their key frames do not come at once. With `mark` each video
 * access unit ends in a NAL unit that bears the time it was sent at (mark.h), which probe.c reads.
 *
 * Says "publishing" on stdout when every publisher has been accepted. Runs until it is killed; ends with an error where
 * a publisher is refused or lost.
 */
#include "rtmp.h"
#include "mark.h"

#define CHUNK 4096
#define CHUNK_TEXT "\x02\0\0\0\0\0\x04\x01\0\0\0\0\0\0\x10\0" /* Set Chunk Size 4096 */
#define SEND_TICK_MS 2

enum state { DIALING, SHAKING, WAITING_CREATED, WAITING_STARTED, SENDING };

/* one RTMP message in chunks */
struct message {
  uint32_t ts;
  uint8_t *bytes;
  size_t length;
  /* metadata and sequence headers are sent in the first round only */
  int once;
  /* where in the payload the time stands; 0: nowhere */
  size_t stamp_at;
};

struct publisher {
  int fd, handshake;
  enum state st;
  double began;
  /* how many rounds are done, and where it stands in the present one */
  uint32_t round;
  size_t next, sent;
  char stamp[STAMP_LENGTH + 1];
};

static struct message *messages;
static size_t count;
/* how long a round is, milliseconds */
static uint32_t period;

/* the place of the payload's byte `at` among the chunks */
static size_t chunked(size_t at) { return 12 + at + at / CHUNK; }

static void add_message(int type, uint32_t ts, const uint8_t *body, size_t n, int once, size_t stamp_at) {
  int channel = type == 8 ? 4 : type == 9 ? 6 : 5;
  struct message m = {.ts = ts, .length = chunked(n - 1) + 1, .once = once, .stamp_at = stamp_at};
  uint8_t *b = m.bytes = malloc(m.length);
  b[0] = channel;
  b[4] = n >> 16; b[5] = n >> 8; b[6] = n; b[7] = type;
  b[8] = 1; b[9] = b[10] = b[11] = 0;
  for (size_t i = 0; i < n; i++) {
    if (i && i % CHUNK == 0) b[chunked(i) - 1] = 0xc0 | channel;
    b[chunked(i)] = body[i];
  }
  messages = realloc(messages, (count + 1) * sizeof m);
  messages[count++] = m;
}

/* the frames of one track in the file */
struct span {
  uint32_t frames, first, last, step;
};
static void extend(struct span *s, uint32_t ts) {
  if (!s->frames++) s->first = ts;
  else s->step = ts - s->last;
  s->last = ts;
}
/* with the last frame's own time: the next round's first frame follows on it */
static uint32_t length_of(const struct span *s) { return s->last + s->step - s->first; }

static int read_file(const char *name, int marks) {
  FILE *f = fopen(name, "rb");
  if (!f) { perror(name); return 0; }
  fseek(f, 13, SEEK_SET);
  uint8_t head[11];
  struct span audio = {0}, video = {0};
  while (fread(head, 1, 11, f) == 11) {
    uint32_t n = head[1] << 16 | head[2] << 8 | head[3], ts = head[4] << 16 | head[5] << 8 | head[6] | head[7] << 24;
    /* room for what a message may have more than its tag */
    uint8_t *tag = malloc(n + 128), *body = tag + 64;
    if (fread(body, 1, n, f) != n || fseek(f, 4, SEEK_CUR)) return 0;
    if (head[0] == 18) {
      static const uint8_t set[] = "\x02\0\x0d@setDataFrame";
      memcpy(body - 16, set, 16);
      add_message(18, 0, body - 16, n + 16, 1, 0);
    } else if (head[0] == 8) {
      int is_frame = !(body[0] >> 4 == 10 && body[1] == 0);
      if (is_frame) extend(&audio, ts);
      add_message(8, ts, body, n, !is_frame, 0);
    } else if (head[0] == 9 && body[1] < 2) {
      int is_frame = body[1] == 1;
      size_t stamp_at = 0;
      if (is_frame) extend(&video, ts);
      if (is_frame && marks) { stamp_at = n + STAMP_AT; n += append_mark(body + n); }
      add_message(9, ts, body, n, !is_frame, stamp_at);
    }
    free(tag);
  }
  fclose(f);
  uint32_t heard = length_of(&audio), seen = length_of(&video);
  period = heard > seen ? heard : seen;
  return seen > 0;
}

static void fail(const char *why, int index) {
  fprintf(stderr, "publish: publisher %d: %s\n", index, why);
  exit(1);
}

/* sends what is due */
static void advance(struct publisher *p, int index, double t) {
  for (;;) {
    struct message *m = &messages[p->next];
    uint32_t ts = m->ts + p->round * period;
    if (ts > (t - p->began) * 1000) return;
    if (ts >= 0xffffff) fail("has sent for longer than its 24-bit times can say", index);
    if (!(m->once && p->round)) {
      m->bytes[1] = ts >> 16; m->bytes[2] = ts >> 8; m->bytes[3] = ts;
      if (m->stamp_at) {
        if (!p->sent) write_stamp(p->stamp);
        for (int i = 0; i < STAMP_LENGTH; i++) m->bytes[chunked(m->stamp_at + i)] = p->stamp[i];
      }
      ssize_t n = send(p->fd, m->bytes + p->sent, m->length - p->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n < 0 && errno == EAGAIN) return;
      if (n < 0) fail(strerror(errno), index);
      p->sent += n;
      if (p->sent < m->length) return;
    }
    p->sent = 0;
    if (++p->next == count) { p->next = 0; p->round++; }
  }
}

/* reads what the server says until it lets the publisher begin; whether it just has */
static int receive(struct publisher *p, int index) {
  static uint8_t buf[65536];
  ssize_t r = recv(p->fd, buf, sizeof buf, MSG_DONTWAIT);
  if (r < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
  if (r <= 0) fail("the server closed the connection", index);
  if (p->st == SHAKING) {
    p->handshake += r;
    if (p->handshake >= SERVER_HANDSHAKE) { rtmp_connect(p->fd); p->st = WAITING_CREATED; p->handshake = 0; }
  } else if (p->st == WAITING_CREATED) {
    p->handshake += occurrences(buf, r, "_result");
    if (p->handshake >= 2) {
      char own[300];
      numbered(own, sizeof own, stream_name, index);
      rtmp_publish(p->fd, own);
      p->st = WAITING_STARTED;
    }
  } else if (p->st == WAITING_STARTED && occurrences(buf, r, "NetStream.Publish")) {
    if (!occurrences(buf, r, "NetStream.Publish.Start")) fail("refused", index);
    send(p->fd, CHUNK_TEXT, 16, MSG_NOSIGNAL);
    p->st = SENDING;
    return 1;
  }
  return 0;
}

int main(int argc, char **argv) {
  if (argc < 4) { fprintf(stderr, "usage: publish FILE URL N [RAMP_PER_S [mark]]\n"); return 2; }
  int want = atoi(argv[3]), ramp = argc > 4 ? atoi(argv[4]) : 250;
  if (sscanf(argv[2], "rtmp://%127[^:]:%d/%127[^/]/%255s", host, &port, app, stream_name) != 4) { fprintf(stderr, "publish: cannot read the URL\n"); return 2; }
  if (!read_file(argv[1], argc > 5)) { fprintf(stderr, "publish: cannot use %s\n", argv[1]); return 2; }
  raise_file_limit();

  struct publisher *ps = calloc(want, sizeof *ps);
  int ep = epoll_create1(0), dialed = 0, accepted = 0, one = 1;
  double t0 = now();
  for (;;) {
    double t = now();
    for (; dialed < want && dialed < (t - t0) * ramp + 1; dialed++) {
      struct publisher *p = &ps[dialed];
      p->fd = dial_host(dialed);
      if (p->fd < 0) fail("cannot connect", dialed);
      setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
      struct epoll_event e = {.events = EPOLLIN | EPOLLOUT, .data.u32 = dialed};
      epoll_ctl(ep, EPOLL_CTL_ADD, p->fd, &e);
    }
    struct epoll_event ev[1024];
    int n = epoll_wait(ep, ev, 1024, SEND_TICK_MS);
    t = now();
    for (int k = 0; k < n; k++) {
      int index = ev[k].data.u32;
      struct publisher *p = &ps[index];
      if (p->st == DIALING) {
        if (connect_failed(p->fd)) fail("cannot connect", index);
        struct epoll_event e = {.events = EPOLLIN, .data.u32 = index};
        epoll_ctl(ep, EPOLL_CTL_MOD, p->fd, &e);
        rtmp_hello(p->fd);
        p->st = SHAKING;
      } else if (receive(p, index)) {
        p->began = t;
        if (++accepted == want) { printf("publishing\n"); fflush(stdout); }
      }
    }
    for (int i = 0; i < dialed; i++) if (ps[i].st == SENDING) advance(&ps[i], i, t);
  }
}
