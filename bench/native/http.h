/* http.h: asks one connection for one thing after the other, and reads the answers; a body that nobody wants is dropped in the kernel. */
#include "rtmp.h"

#define HEAD_BYTES 4096
#define PATH_BYTES 1024

struct answer {
  /* 0: the head is not complete */
  int status;
  size_t head_length;
  char head[HEAD_BYTES + 1];
  /* of the body, what is to come yet */
  size_t left;
  int wants_body;
  /* the last body that was wanted, with a NUL behind it */
  char *body;
  size_t body_length;
};

static void ask(struct answer *a, int fd, const char *path, int wants_body) {
  char request[PATH_BYTES + 256];
  int n = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: %s:%d\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n", path, host, port);
  a->status = 0;
  a->head_length = 0;
  a->wants_body = wants_body;
  send(fd, request, n, MSG_NOSIGNAL);
}

/* where a header's value begins, `name` being "\r\nNAME: "; NULL: there is none */
static const char *header(const struct answer *a, const char *name) {
  const char *at = strcasestr(a->head, name);
  return at ? at + strlen(name) : NULL;
}

/* the head is complete; what came with it is the body's. Whether it can be understood */
static int read_head(struct answer *a, char *end) {
  char *extra = end + 4;
  size_t had = a->head + a->head_length - extra;
  end[2] = 0;
  const char *length = header(a, "\r\nContent-Length: ");
  if (sscanf(a->head, "HTTP/1.1 %d", &a->status) != 1 || !length) return 0;
  size_t whole = strtoul(length, NULL, 10);
  if (had > whole) return 0;
  a->left = whole - had;
  if (!a->wants_body) return 1;
  a->body = realloc(a->body, whole + 1);
  memcpy(a->body, extra, had);
  a->body[whole] = 0;
  a->body_length = had;
  return 1;
}

/* takes what has come, and counts it: 1: the answer is whole, 0: more is to come, -1: the connection is of no more use */
static int receive_answer(struct answer *a, int fd, uint64_t *bytes) {
  for (;;) {
    ssize_t r;
    if (!a->status) r = recv(fd, a->head + a->head_length, HEAD_BYTES - a->head_length, MSG_DONTWAIT);
    else if (a->wants_body) r = recv(fd, a->body + a->body_length, a->left, MSG_DONTWAIT);
    else r = recv(fd, NULL, a->left, MSG_DONTWAIT | MSG_TRUNC);
    if (r < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
    if (r <= 0) return -1;
    *bytes += r;
    if (a->status) {
      a->left -= r;
      a->body_length += r;
    } else {
      a->head_length += r;
      a->head[a->head_length] = 0;
      char *end = strstr(a->head, "\r\n\r\n");
      if (!end && a->head_length == HEAD_BYTES) return -1;
      if (!end) continue;
      if (!read_head(a, end)) return -1;
    }
    if (!a->left) return 1;
  }
}

static int read_http_url(const char *url, char path[512]) {
  return sscanf(url, "http://%127[^:]:%d%511s", host, &port, path) == 3;
}

/* watched for what it brings, and first for being connected */
static int dial_watched(int ep, int index) {
  int fd = dial_host(index);
  if (fd < 0) return -1;
  struct epoll_event e = {.events = EPOLLIN | EPOLLOUT, .data.u32 = index};
  epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e);
  return fd;
}

/* a connection that was watched for being connected is; whether it is */
static int has_connected(int ep, int fd, int index) {
  if (connect_failed(fd)) return 0;
  struct epoll_event e = {.events = EPOLLIN, .data.u32 = index};
  epoll_ctl(ep, EPOLL_CTL_MOD, fd, &e);
  return 1;
}
