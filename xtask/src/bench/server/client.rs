//! As little of an HTTP client as the bench needs: what it takes itself must not count.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use serde_json::Value;

/// A kept-alive line to a server.
pub(super) struct Client {
    line: BufReader<TcpStream>,
    token: String,
}

impl Client {
    pub(super) fn new(address: &str, token: &str) -> Result<Self, String> {
        let line = TcpStream::connect(address).map_err(|e| format!("{address}: {e}"))?;
        line.set_nodelay(true).map_err(|e| e.to_string())?;
        Ok(Self { line: BufReader::new(line), token: token.to_owned() })
    }

    pub(super) fn get(&mut self, path: &str) -> Result<Value, String> {
        self.send("GET", path, None, &[])
    }

    pub(super) fn post(&mut self, path: &str, body: &Value) -> Result<Value, String> {
        self.send("POST", path, Some(body), &[])
    }

    /// Sends a request and reads the answer, which has to be a good one.
    pub(super) fn send(
        &mut self,
        method: &str,
        path: &str,
        body: Option<&Value>,
        headers: &[&str],
    ) -> Result<Value, String> {
        let body = body.map(Value::to_string).unwrap_or_default();
        let mut request = format!(
            "{method} /api/v1{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n",
            self.token,
            body.len()
        );
        for header in headers {
            request.push_str(header);
            request.push_str("\r\n");
        }
        request.push_str("\r\n");
        request.push_str(&body);
        self.line.get_mut().write_all(request.as_bytes()).map_err(|e| e.to_string())?;
        let (status, text) = self.answer()?;
        if !(200..300).contains(&status) {
            return Err(format!("{method} {path}: {status} {text}"));
        }
        match text.is_empty() {
            true => Ok(Value::Null),
            false => serde_json::from_str(&text).map_err(|e| format!("{path}: {e}")),
        }
    }

    fn answer(&mut self) -> Result<(u16, String), String> {
        let mut line = String::new();
        self.line.read_line(&mut line).map_err(|e| e.to_string())?;
        let status = line.split(' ').nth(1).and_then(|s| s.parse().ok()).ok_or("no answer")?;
        let (mut length, mut chunked) = (0, false);
        loop {
            line.clear();
            self.line.read_line(&mut line).map_err(|e| e.to_string())?;
            let header = line.trim().to_ascii_lowercase();
            if header.is_empty() {
                break;
            }
            if let Some(value) = header.strip_prefix("content-length:") {
                length = value.trim().parse().map_err(|_| "no length")?;
            }
            chunked |= header == "transfer-encoding: chunked";
        }
        let mut body = Vec::new();
        if chunked {
            loop {
                line.clear();
                self.line.read_line(&mut line).map_err(|e| e.to_string())?;
                let size = usize::from_str_radix(line.trim(), 16).map_err(|e| e.to_string())?;
                let mut chunk = vec![0; size + 2];
                self.line.read_exact(&mut chunk).map_err(|e| e.to_string())?;
                if size == 0 {
                    break;
                }
                body.extend_from_slice(&chunk[..size]);
            }
        } else {
            body.resize(length, 0);
            self.line.read_exact(&mut body).map_err(|e| e.to_string())?;
        }
        Ok((status, String::from_utf8_lossy(&body).into_owned()))
    }
}
