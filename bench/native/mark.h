/* mark.h: a NAL unit of unspecified type (H.264 table 7-1), which decoders ignore, that bears the time of CLOCK_MONOTONIC in
   nanoseconds as 16 hexadecimal digits. */
#define MARK "MillraceBenchTag"
#define STAMP_LENGTH 16
#define NAL_TYPE 30
/* NAL length, NAL type, then the 16 bytes of the mark; the stamp follows */
#define STAMP_AT (4 + 1 + 16)

static uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static void write_stamp(char *out) { snprintf(out, STAMP_LENGTH + 1, "%016llx", (unsigned long long)now_ns()); }

/* writes the whole NAL unit with an empty stamp; its length with the four bytes that say it */
static inline size_t append_mark(uint8_t *out) {
  uint8_t head[] = {0, 0, 0, 1 + 16 + STAMP_LENGTH, NAL_TYPE};
  memcpy(out, head, sizeof head);
  memcpy(out + sizeof head, MARK, 16);
  memset(out + STAMP_AT, '0', STAMP_LENGTH);
  return STAMP_AT + STAMP_LENGTH;
}
