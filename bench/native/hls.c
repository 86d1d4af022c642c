/*
 * hls: N viewers of an HLS stream, each with a connection of its own that it keeps.
 *
 *   cc -O2 -o hls hls.c
 *   ./hls URL N SECONDS [RAMP_PER_S]
 *
 * URL is http://HOST:PORT/PATH of a media playlist that is there. A viewer follows a redirection and keeps to where it led.
 * It reads the playlist once every target duration, each viewer at a moment of its own, and then fetches what is new
 * in it, once. Where the playlist offers blocking reload it asks for the next part instead, with what is old skipped, and
 * fetches parts. It begins with the last that is listed. One thread, epoll; the kernel drops what the viewers fetch without copying it.
 *
 * Says "measuring" on stderr when every viewer has had its playlist and another target duration (with blocking reload: 2 s) has
 * passed. Prints one JSON line: viewers asked for, those that have had nothing but success, and of the last SECONDS the playlists,
 * the segments or parts, and the bits a second of all.
 */
#include "http.h"

#define SETTLE_S 2
#define TICK_MS 5
#define PARTS_OF_SEGMENT 4096

enum state { DIALING, ASKING, IDLE, DEAD };

/* a place in a playlist's text */
struct cursor {
  const char *line;
  uint64_t sequence, part;
};

struct viewer {
  int fd;
  enum state st;
  /* whether the connection has brought an answer: a server may close it when it likes */
  int is_used, is_for_playlist;
  char playlist[PATH_BYTES], path[PATH_BYTES];
  struct answer answer;
  struct cursor at;
  /* the first that has not been fetched; 0: it has had no playlist yet */
  uint64_t next;
  double due;
  uint64_t total;
};

static int ep, want, has_parts;
static double t0, target = SETTLE_S;
static uint64_t playlists, media;

static uint64_t number_after(const char *text, const char *name) {
  const char *at = strstr(text, name);
  return at ? strtoull(at + strlen(name), NULL, 10) : 0;
}

/* a reference as it stands in what came from the path `base` */
static void resolve(char out[PATH_BYTES], const char *base, const char *reference, int length) {
  const char *end = base + strcspn(base, "?"), *slash = memrchr(base, '/', end - base);
  int kept = *reference == '/' ? 0 : slash - base + 1;
  char joined[2 * PATH_BYTES];
  snprintf(joined, sizeof joined, "%.*s%.*s", kept, base, length, reference);
  snprintf(out, PATH_BYTES, "%s", joined);
}

static void hang_up(struct viewer *v) {
  if (v->fd >= 0) close(v->fd);
  v->fd = -1;
}

static void die(struct viewer *v, const char *why) {
  fprintf(stderr, "hls: %s: %s\n", v->path, why);
  hang_up(v);
  v->st = DEAD;
}

static void dial(struct viewer *v, int index) {
  v->is_used = 0;
  v->fd = dial_watched(ep, index);
  v->st = DIALING;
  if (v->fd < 0) die(v, "cannot connect");
}

/* fetches v->path */
static void fetch(struct viewer *v, int index) {
  if (v->fd < 0) { dial(v, index); return; }
  ask(&v->answer, v->fd, v->path, v->is_for_playlist);
  v->st = ASKING;
}

/* takes the cursor behind the next segment or part: where it is among all, and its reference */
static int step(struct cursor *c, uint64_t *position, const char **reference, int *length) {
  static const char part[] = "#EXT-X-PART:", uri[] = "URI=\"";
  while (*c->line) {
    const char *line = c->line, *end = strchrnul(line, '\n');
    c->line = *end ? end + 1 : end;
    uint64_t here = c->sequence * PARTS_OF_SEGMENT + c->part;
    if (*line == '#' && has_parts && !strncmp(line, part, strlen(part))) {
      const char *at = memmem(line, end - line, uri, strlen(uri));
      if (!at) continue;
      *reference = at + strlen(uri);
      *length = strcspn(*reference, "\"\n");
      *position = here;
      c->part++;
      return 1;
    }
    if (*line == '#' || line == end) continue;
    c->sequence++;
    c->part = 0;
    if (has_parts) continue;
    *position = here;
    *reference = line;
    *length = end - line;
    return 1;
  }
  return 0;
}

/* fetches the next that is new in the playlist; where there is none, sees to the next playlist */
static void proceed(struct viewer *v, int index) {
  uint64_t position;
  const char *reference;
  int length;
  while (step(&v->at, &position, &reference, &length)) {
    if (position < v->next) continue;
    v->next = position + 1;
    v->is_for_playlist = 0;
    resolve(v->path, v->playlist, reference, length);
    fetch(v, index);
    return;
  }
  v->is_for_playlist = 1;
  if (has_parts) {
    snprintf(v->path, sizeof v->path, "%s%c_HLS_msn=%llu&_HLS_part=%llu&_HLS_skip=YES", v->playlist, strchr(v->playlist, '?') ? '&' : '?',
             (unsigned long long)v->at.sequence, (unsigned long long)v->at.part);
    fetch(v, index);
    return;
  }
  memcpy(v->path, v->playlist, sizeof v->path);
  /* the next time that is its own */
  double passed = (now() - t0) / target - (double)index / want;
  v->due = t0 + ((double)index / want + (long)(passed + 1)) * target;
  v->st = IDLE;
}

static void read_playlist(struct viewer *v) {
  const char *text = v->answer.body;
  if (!playlists++) {
    has_parts = strstr(text, "CAN-BLOCK-RELOAD=YES") != NULL;
    if (!has_parts) target = number_after(text, "#EXT-X-TARGETDURATION:");
    if (target < 1) target = 1;
  }
  v->at.line = text;
  v->at.sequence = number_after(text, "#EXT-X-MEDIA-SEQUENCE:") + number_after(text, "SKIPPED-SEGMENTS=");
  v->at.part = 0;
  if (v->next) return;
  struct cursor c = v->at;
  const char *reference;
  int length;
  while (step(&c, &v->next, &reference, &length));
}

static void answered(struct viewer *v, int index) {
  const char *location = header(&v->answer, "\r\nLocation: ");
  v->is_used = 1;
  if (header(&v->answer, "\r\nConnection: close")) hang_up(v);
  if (v->answer.status == 302 && v->is_for_playlist && location) {
    resolve(v->playlist, v->path, location, strcspn(location, "\r"));
    memcpy(v->path, v->playlist, sizeof v->path);
    fetch(v, index);
  } else if (v->answer.status != 200) {
    char why[32];
    snprintf(why, sizeof why, "status %d", v->answer.status);
    die(v, why);
  } else {
    if (v->is_for_playlist) read_playlist(v);
    else media++;
    proceed(v, index);
  }
}

static void serve(struct viewer *v, int index, uint32_t events) {
  if (v->st == DIALING && events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) {
    if (has_connected(ep, v->fd, index)) fetch(v, index);
    else die(v, "cannot connect");
  } else if (v->st == IDLE) hang_up(v);
  else if (v->st == ASKING) {
    int outcome = receive_answer(&v->answer, v->fd, &v->total);
    if (outcome > 0) answered(v, index);
    else if (outcome < 0 && v->is_used && !v->answer.head_length) { hang_up(v); dial(v, index); }
    else if (outcome < 0) die(v, "the connection was lost");
  }
}

static uint64_t total_of(const struct viewer *vs) {
  uint64_t sum = 0;
  for (int i = 0; i < want; i++) sum += vs[i].total;
  return sum;
}

int main(int argc, char **argv) {
  char path[512];
  if (argc < 4 || !read_http_url(argv[1], path)) { fprintf(stderr, "usage: hls http://HOST:PORT/PATH N SECONDS [RAMP_PER_S]\n"); return 2; }
  want = atoi(argv[2]);
  double secs = atof(argv[3]);
  int ramp = argc > 4 ? atoi(argv[4]) : 500;
  raise_file_limit();

  struct viewer *vs = calloc(want, sizeof *vs);
  ep = epoll_create1(0);
  int came = 0, pending = want;
  double up_at = 0, start = 0, looked_at = 0;
  uint64_t bytes = 0, first_playlist = 0, first_media = 0;
  t0 = now();
  for (;;) {
    double t = now();
    for (; came < want && came < (t - t0) * ramp + 1; came++) {
      struct viewer *v = &vs[came];
      snprintf(v->playlist, sizeof v->playlist, "%s", path);
      memcpy(v->path, v->playlist, sizeof v->path);
      v->is_for_playlist = 1;
      dial(v, came);
    }
    if ((t - looked_at) * 1000 >= TICK_MS) {
      looked_at = t;
      pending = want - came;
      for (int i = 0; i < came; i++) {
        struct viewer *v = &vs[i];
        pending += !v->next && v->st != DEAD;
        if (v->st == IDLE && t >= v->due) fetch(v, i);
      }
    }
    if (!up_at && !pending) up_at = t;
    if (up_at && !start && t - up_at >= target) {
      start = t; bytes = total_of(vs); first_playlist = playlists; first_media = media;
      fprintf(stderr, "measuring\n");
    }
    if (start && t >= start + secs) break;
    struct epoll_event ev[1024];
    int n = epoll_wait(ep, ev, 1024, TICK_MS);
    for (int k = 0; k < n; k++) serve(&vs[ev[k].data.u32], ev[k].data.u32, ev[k].events);
  }
  int alive = 0;
  for (int i = 0; i < want; i++) alive += vs[i].st != DEAD;
  double took = now() - start;
  printf("{\"players\":%d,\"alive\":%d,\"seconds\":%.3f,\"playlists\":%llu,\"media\":%llu,\"mbps\":%.1f}\n", want, alive, took,
         (unsigned long long)(playlists - first_playlist), (unsigned long long)(media - first_media), (total_of(vs) - bytes) * 8 / took / 1e6);
  return 0;
}
