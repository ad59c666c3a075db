package server

import (
	"fmt"
	"path/filepath"
	"strings"

	"go.lsp.dev/uri"
)

// What the tests read of answers, as any client would: plain JSON.

type wirePosition struct {
	Line      int `json:"line"`
	Character int `json:"character"`
}

type wireRange struct {
	Start wirePosition `json:"start"`
	End   wirePosition `json:"end"`
}

// String prints a range from 1 on, as package ide counts.
func (r wireRange) String() string {
	return fmt.Sprintf("%d:%d-%d:%d", r.Start.Line+1, r.Start.Character+1, r.End.Line+1, r.End.Character+1)
}

type wireLocation struct {
	URI   string    `json:"uri"`
	Range wireRange `json:"range"`
}

type wireEdit struct {
	Range   wireRange `json:"range"`
	NewText string    `json:"newText"`
}

type wireMarkup struct {
	Kind  string `json:"kind"`
	Value string `json:"value"`
}

type wireDiagnostic struct {
	Range    wireRange `json:"range"`
	Severity int       `json:"severity"`
	Code     string    `json:"code"`
	Message  string    `json:"message"`
	Tags     []int     `json:"tags"`

	CodeDescription struct {
		Href string `json:"href"`
	} `json:"codeDescription"`
	RelatedInformation []struct {
		Location wireLocation `json:"location"`
		Message  string       `json:"message"`
	} `json:"relatedInformation"`
}

type wireItem struct {
	Label            string      `json:"label"`
	Detail           string      `json:"detail"`
	Kind             int         `json:"kind"`
	SortText         string      `json:"sortText"`
	Documentation    *wireMarkup `json:"documentation"`
	InsertTextFormat int         `json:"insertTextFormat"`
	TextEdit         wireEdit    `json:"textEdit"`
	Tags             []int       `json:"tags"`
}

type wireSymbol struct {
	Name           string       `json:"name"`
	Detail         string       `json:"detail"`
	Kind           int          `json:"kind"`
	Range          wireRange    `json:"range"`
	SelectionRange wireRange    `json:"selectionRange"`
	Children       []wireSymbol `json:"children"`
}

type wireWorkspaceEdit struct {
	DocumentChanges []struct {
		TextDocument struct {
			URI string `json:"uri"`
		} `json:"textDocument"`
		Edits []wireEdit `json:"edits"`
	} `json:"documentChanges"`
}

type wireCallItem struct {
	Name           string    `json:"name"`
	Kind           int       `json:"kind"`
	Detail         string    `json:"detail"`
	URI            string    `json:"uri"`
	Range          wireRange `json:"range"`
	SelectionRange wireRange `json:"selectionRange"`
}

func fileURI(path string) string {
	if !filepath.IsAbs(path) {
		return path
	}
	return string(uri.File(path))
}

// shortPath prints the path of a URI relative to root.
func shortPath(root, u string) string {
	if !strings.HasPrefix(u, "file:") {
		return u
	}
	path := uri.URI(u).FsPath()
	if rel, err := filepath.Rel(root, path); err == nil && filepath.IsLocal(rel) {
		return filepath.ToSlash(rel)
	}
	return filepath.ToSlash(path)
}
