/*
 * http-load: as many GET requests for one thing as connections that are kept can make, each asking again when it is answered.
 *
 *   cc -O2 -o http-load http-load.c
 *   ./http-load URL CONNECTIONS SECONDS
 *
 * URL is http://HOST:PORT/PATH. One thread, epoll; the kernel drops the bodies without copying them. Prints one JSON line:
 * how many requests were answered 200, how many failed (another status, or a lost connection, which is made anew), and the seconds.
 */
#include "http.h"

struct client {
  int fd, is_connected;
  struct answer answer;
};

int main(int argc, char **argv) {
  char path[512];
  if (argc < 4 || !read_http_url(argv[1], path)) { fprintf(stderr, "usage: http-load http://HOST:PORT/PATH CONNECTIONS SECONDS\n"); return 2; }
  int count = atoi(argv[2]), ep = epoll_create1(0);
  double secs = atof(argv[3]), start = now(), t;
  uint64_t requests = 0, failed = 0, bytes = 0;
  raise_file_limit();
  struct client *cs = calloc(count, sizeof *cs);
  for (int i = 0; i < count; i++) cs[i].fd = dial_watched(ep, i);
  while ((t = now()) < start + secs) {
    struct epoll_event ev[1024];
    int n = epoll_wait(ep, ev, 1024, 5);
    for (int k = 0; k < n; k++) {
      int index = ev[k].data.u32, outcome;
      struct client *c = &cs[index];
      if (!c->is_connected) {
        if (!has_connected(ep, c->fd, index)) { perror("http-load: cannot connect"); return 1; }
        c->is_connected = 1;
        ask(&c->answer, c->fd, path, 0);
        continue;
      }
      outcome = receive_answer(&c->answer, c->fd, &bytes);
      if (outcome > 0) {
        if (c->answer.status == 200) requests++; else failed++;
        ask(&c->answer, c->fd, path, 0);
      } else if (outcome < 0) {
        failed++;
        close(c->fd);
        c->fd = dial_watched(ep, index);
        c->is_connected = 0;
      }
    }
  }
  printf("{\"requests\":%llu,\"failed\":%llu,\"seconds\":%.3f,\"bytes\":%llu}\n", (unsigned long long)requests, (unsigned long long)failed, t - start, (unsigned long long)bytes);
  return 0;
}
