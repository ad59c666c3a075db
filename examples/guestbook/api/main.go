// The guestbook API keeps its entries in PostgreSQL.
//
//	GET  /health         200 when the database answers
//	GET  /entries        all entries
//	POST /entries        {"author": "…", "message": "…"} adds one
//	GET  /entries/count  {"count": N}
//
// It is configured by DATABASE_URL, and by the JSON list of first entries in the file that SEED_FILE names.
package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"net/http"
	"os"
	"time"

	_ "github.com/lib/pq"
)

type entry struct {
	Author  string `json:"author"`
	Message string `json:"message"`
}

type book struct{ db *sql.DB }

func main() {
	if err := serve(); err != nil {
		log.Fatal(err)
	}
}

func serve() error {
	db, err := sql.Open("postgres", os.Getenv("DATABASE_URL"))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if _, err := db.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS entries (
		id serial PRIMARY KEY, author text NOT NULL, message text NOT NULL)`); err != nil {
		return fmt.Errorf("cannot create the table: %w", err)
	}
	b := &book{db}
	if err := b.seed(ctx, os.Getenv("SEED_FILE")); err != nil {
		return fmt.Errorf("cannot seed the guestbook: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", b.health)
	mux.HandleFunc("GET /entries", b.list)
	mux.HandleFunc("POST /entries", b.add)
	mux.HandleFunc("GET /entries/count", b.count)
	log.Print("listening on :8080")
	return http.ListenAndServe(":8080", mux)
}

func (b *book) seed(ctx context.Context, file string) error {
	text, err := os.ReadFile(file)
	if file == "" || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var entries []entry
	if err := json.Unmarshal(text, &entries); err != nil {
		return err
	}
	var present bool // from before this program was started again
	if err := b.db.QueryRowContext(ctx, `SELECT EXISTS (SELECT FROM entries)`).Scan(&present); err != nil || present {
		return err
	}
	for _, e := range entries {
		if err := b.insert(ctx, e); err != nil {
			return err
		}
	}
	return nil
}

func (b *book) insert(ctx context.Context, e entry) error {
	_, err := b.db.ExecContext(ctx, `INSERT INTO entries (author, message) VALUES ($1, $2)`, e.Author, e.Message)
	return err
}

func (b *book) health(w http.ResponseWriter, r *http.Request) {
	if err := b.db.PingContext(r.Context()); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	answer(w, http.StatusOK, map[string]string{"status": "ok"})
}

func (b *book) add(w http.ResponseWriter, r *http.Request) {
	var e entry
	if err := json.NewDecoder(r.Body).Decode(&e); err != nil || e.Author == "" {
		http.Error(w, `want {"author": "…", "message": "…"}`, http.StatusBadRequest)
		return
	}
	if err := b.insert(r.Context(), e); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	answer(w, http.StatusCreated, e)
}

func (b *book) count(w http.ResponseWriter, r *http.Request) {
	var n int
	if err := b.db.QueryRowContext(r.Context(), `SELECT count(*) FROM entries`).Scan(&n); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	answer(w, http.StatusOK, map[string]int{"count": n})
}

func (b *book) list(w http.ResponseWriter, r *http.Request) {
	rows, err := b.db.QueryContext(r.Context(), `SELECT author, message FROM entries ORDER BY id`)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer rows.Close()
	entries := []entry{}
	for rows.Next() {
		var e entry
		if err := rows.Scan(&e.Author, &e.Message); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		entries = append(entries, e)
	}
	answer(w, http.StatusOK, entries)
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client is gone when this fails
}
