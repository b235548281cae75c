package readback

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

const refreshBeforeExpiry = time.Minute

// Credentials are the tokens of a session, in the form of the file that `readback login` writes.
type Credentials struct {
	Email       string `json:"email"`
	AccessToken string `json:"access_token"`
	// AccessExpires is in seconds since the epoch.
	AccessExpires float64 `json:"access_expires"`
	RefreshToken  string  `json:"refresh_token"`
}

// String keeps the tokens out of logs.
func (Credentials) String() string { return "Credentials(…)" }

// GoString keeps the tokens out of logs.
func (c Credentials) GoString() string { return c.String() }

func (c Credentials) fresh() bool {
	return c.AccessExpires-float64(time.Now().UnixMilli())/1000 > refreshBeforeExpiry.Seconds()
}

// CredentialsStore keeps the credentials of one session. Read returns nil if there are none.
type CredentialsStore interface {
	Read() (*Credentials, error)
	Save(Credentials) error
	Delete() error
}

// CredentialsInMemory are gone when the program ends.
type CredentialsInMemory struct {
	mutex       sync.Mutex
	credentials *Credentials
}

// Read returns the credentials.
func (m *CredentialsInMemory) Read() (*Credentials, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return m.credentials, nil
}

// Save replaces the credentials.
func (m *CredentialsInMemory) Save(credentials Credentials) error {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.credentials = &credentials
	return nil
}

// Delete forgets the credentials.
func (m *CredentialsInMemory) Delete() error {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.credentials = nil
	return nil
}

// CredentialsFile is the path of the file with the saved login, which `readback login` writes too.
type CredentialsFile string

// CredentialsFileFor returns the user's file for an address of the identity service, below $XDG_CONFIG_HOME.
func CredentialsFileFor(identity string) (CredentialsFile, error) {
	folder := os.Getenv("XDG_CONFIG_HOME")
	if folder == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", err
		}
		folder = filepath.Join(home, ".config")
	}
	name := strings.NewReplacer("%3A", ":", "%2C", ",", "+", "%20").Replace(url.QueryEscape(identity))
	return CredentialsFile(filepath.Join(folder, "readback", name+".json")), nil
}

// Read returns the saved credentials; nil if the file is missing or invalid.
func (f CredentialsFile) Read() (*Credentials, error) {
	data, err := os.ReadFile(string(f))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the saved login: %w", err)
	}
	var found Credentials
	if json.Unmarshal(data, &found) != nil || found.RefreshToken == "" {
		return nil, nil
	}
	return &found, nil
}

// Save replaces the file atomically. Only its user can read it.
func (f CredentialsFile) Save(credentials Credentials) error {
	data, err := json.Marshal(credentials)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(string(f)), 0o700); err != nil {
		return err
	}
	scratch, err := os.CreateTemp(filepath.Dir(string(f)), "*.new") // with mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(scratch.Name())
	_, err = scratch.Write(data)
	if err = errors.Join(err, scratch.Sync(), scratch.Close()); err != nil {
		return fmt.Errorf("saving the login: %w", err)
	}
	return os.Rename(scratch.Name(), string(f))
}

// Delete removes the file.
func (f CredentialsFile) Delete() error {
	if err := os.Remove(string(f)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
