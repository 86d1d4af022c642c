// A receiver of callbacks: verifies each, keeps it once, answers, and works in order; catches up at its start.
// Go 1.19 or newer, no packages: WEBHOOK_SECRET=whsec_... go run receiver.go --port 10101 --api http://127.0.0.1:8083
//
// Events are kept in a file of one JSON object a line. What they add up to is in memory, and is made again from the
// file at each start. It grows: in production, keep events in your database, with a unique column for the id.
package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	maxBody      = 16 << 20         // larger bodies are refused
	tolerance    = 5 * time.Minute  // that the clocks may differ; what is older may have been recorded and sent again
	catchUpEvery = 60 * time.Second // how often it is looked whether something was missed
)

type event struct {
	ID     string `json:"id"`
	Seq    int64  `json:"seq"`
	Event  string `json:"event"`
	Reason string `json:"reason,omitempty"` // why the session ended; not there where an event was caught up with
	Body   string `json:"body"`
}

// A line of the file: an event, or up to which number all events have been asked for.
type line struct {
	Event *event `json:"event,omitempty"`
	Mark  *int64 `json:"mark,omitempty"`
}

type receiver struct {
	key  []byte
	api  string
	lock sync.Mutex // for all below
	file *os.File
	seen map[string]bool
	mark int64
	// What your business keeps: here, the bytes that were sent in each stream.
	bytesSent map[string]int64
}

// handle is what your business does: once for each event, in the order of its stream. At a start it runs for all that
// are kept, so it may change memory only: let slow work, and work on other systems, be done by a worker of its own.
func (r *receiver) handle(e *event, isNew bool) {
	var body struct {
		SessionID     string `json:"session_id"`
		StreamName    string `json:"stream_name"`
		WroteBytesSum int64  `json:"wrote_bytes_sum"`
	}
	if err := json.Unmarshal([]byte(e.Body), &body); err != nil {
		log.Printf("event %d: %v", e.Seq, err)
		return
	}
	text := fmt.Sprintf("%d %s %s %s", e.Seq, e.Event, body.StreamName, body.SessionID)
	if e.Event == "on_sub_stop" {
		r.bytesSent[body.StreamName] += body.WroteBytesSum
		reason := e.Reason
		if reason == "" {
			reason = "reason not known"
		}
		text += fmt.Sprintf(", %d bytes sent, %s", body.WroteBytesSum, reason)
	}
	if isNew {
		fmt.Println(text)
	}
}

// open reads what is kept, and cuts off a line that a crash left unfinished.
func (r *receiver) open(name string) error {
	file, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	r.file = file
	reader := bufio.NewReader(file)
	var end int64
	for {
		text, err := reader.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		var each line
		if err := json.Unmarshal(text, &each); err != nil {
			return fmt.Errorf("%s, at byte %d: %w", name, end, err)
		}
		r.apply(each, false)
		end += int64(len(text))
	}
	if err := file.Truncate(end); err != nil {
		return err
	}
	_, err = file.Seek(end, io.SeekStart)
	return err
}

func (r *receiver) apply(each line, isNew bool) {
	if each.Mark != nil {
		r.mark = *each.Mark
	}
	if each.Event != nil {
		r.seen[each.Event.ID] = true
		r.handle(each.Event, isNew)
	}
}

// keep writes lines, all of which are on the disk when it returns. Events that are kept already are left out.
// The lock must be held.
func (r *receiver) keep(lines ...line) (kept int, err error) {
	var buffer bytes.Buffer
	var fresh []line
	for _, each := range lines {
		if each.Event != nil && r.seen[each.Event.ID] {
			continue
		}
		text, err := json.Marshal(each)
		if err != nil {
			return 0, err
		}
		buffer.Write(append(text, '\n'))
		fresh = append(fresh, each)
		if each.Event != nil {
			kept++
		}
	}
	if len(fresh) == 0 {
		return 0, nil
	}
	if _, err = r.file.Write(buffer.Bytes()); err == nil {
		err = r.file.Sync()
	}
	if err != nil {
		// nobody knows what of it is in the file: only a new start can tell
		log.Fatalf("cannot write: %v", err)
	}
	for _, each := range fresh {
		r.apply(each, true)
	}
	return kept, nil
}

// isGenuine follows Standard Webhooks: HMAC-SHA256 of ID.TIMESTAMP.BODY; one of the header's signatures must be ours.
func (r *receiver) isGenuine(header http.Header, body []byte) bool {
	id, timestamp := header.Get("webhook-id"), header.Get("webhook-timestamp")
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil {
		return false
	}
	if age := time.Since(time.Unix(seconds, 0)); age > tolerance || age < -tolerance {
		return false
	}
	mac := hmac.New(sha256.New, r.key)
	fmt.Fprintf(mac, "%s.%s.", id, timestamp)
	mac.Write(body)
	ours := []byte("v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	for _, theirs := range strings.Fields(header.Get("webhook-signature")) {
		if hmac.Equal(ours, []byte(theirs)) {
			return true
		}
	}
	return false
}

// take gives the answer's status: 2xx is taken, 5xx comes again, anything else is refused for good.
func (r *receiver) take(request *http.Request) int {
	body, err := io.ReadAll(io.LimitReader(request.Body, maxBody+1))
	if err != nil {
		return http.StatusServiceUnavailable
	}
	if len(body) > maxBody {
		return http.StatusRequestEntityTooLarge
	}
	if !r.isGenuine(request.Header, body) {
		return http.StatusUnauthorized
	}
	seq, err := strconv.ParseInt(request.Header.Get("millrace-seq"), 10, 64)
	if err != nil {
		// on_update is a snapshot: it has no number, is never sent again, and is not worth keeping
		return http.StatusNoContent
	}
	r.lock.Lock()
	defer r.lock.Unlock()
	_, err = r.keep(line{Event: &event{
		ID:     request.Header.Get("webhook-id"),
		Seq:    seq,
		Event:  path.Base(request.URL.Path),
		Reason: request.Header.Get("millrace-reason"),
		Body:   string(body),
	}})
	if err != nil {
		log.Print(err)
		return http.StatusServiceUnavailable
	}
	return http.StatusNoContent
}

func (r *receiver) ask(since int64) (code int, events []event, err error) {
	request, err := http.NewRequest("GET", fmt.Sprintf("%s/api/notify/events?limit=1000&since=%d", r.api, since), nil)
	if err != nil {
		return 0, nil, err
	}
	if token := os.Getenv("API_TOKEN"); token != "" {
		request.Header.Set("authorization", "Bearer "+token)
	}
	client := http.Client{Timeout: 10 * time.Second}
	response, err := client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	var answer struct {
		ErrorCode int    `json:"error_code"`
		Desp      string `json:"desp"`
		Data      struct {
			Events []event `json:"events"`
		} `json:"data"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return 0, nil, err
	}
	if answer.ErrorCode != 0 {
		err = errors.New(answer.Desp)
	}
	return answer.ErrorCode, answer.Data.Events, err
}

// catchUp asks the server for all events since the last time: what came meanwhile, was refused, or was given up.
func (r *receiver) catchUp() error {
	if r.api == "" {
		return nil
	}
	r.lock.Lock()
	mark := r.mark
	r.lock.Unlock()
	missed := 0
	for {
		code, events, err := r.ask(mark)
		if code == 1002 && mark > 0 {
			mark = 0 // the server has begun a new database, whose numbers start again
			continue
		}
		if err != nil {
			return err
		}
		if len(events) == 0 {
			break
		}
		var lines []line
		for i := range events {
			lines = append(lines, line{Event: &events[i]})
		}
		mark = events[len(events)-1].Seq
		end := mark
		lines = append(lines, line{Mark: &end})
		r.lock.Lock()
		kept, err := r.keep(lines...)
		r.lock.Unlock()
		if err != nil {
			return err
		}
		missed += kept
	}
	fmt.Printf("caught up with %d events\n", missed)
	return nil
}

func (r *receiver) tryToCatchUp() {
	if err := r.catchUp(); err != nil {
		log.Printf("cannot catch up: %v", err)
	}
}

func main() {
	port := flag.Int("port", 10101, "where to listen")
	data := flag.String("data", "receiver.jsonl", "the file that events are kept in")
	api := flag.String("api", "", "the server's API, to catch up from")
	flag.Parse()
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(os.Getenv("WEBHOOK_SECRET"), "whsec_"))
	if err != nil || len(key) == 0 {
		log.Fatal("WEBHOOK_SECRET is not set, or is no base64")
	}
	r := &receiver{key: key, api: *api, seen: map[string]bool{}, bytesSent: map[string]int64{}}
	if err := r.open(*data); err != nil {
		log.Fatal(err)
	}
	// first what was missed, then what comes: so the order holds
	r.tryToCatchUp()
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", *port))
	if err != nil {
		log.Fatal(err)
	}
	go func() {
		for range time.Tick(catchUpEvery) {
			r.tryToCatchUp()
		}
	}()
	server := &http.Server{
		ReadHeaderTimeout: 10 * time.Second,
		Handler: http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
			answer.WriteHeader(r.take(request))
		}),
	}
	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer cancel()
	isStopped := make(chan struct{})
	go func() {
		<-stop.Done()
		if err := server.Shutdown(context.Background()); err != nil {
			log.Print(err)
		}
		close(isStopped)
	}()
	fmt.Printf("listening on %s\n", listener.Addr())
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
	<-isStopped
}
