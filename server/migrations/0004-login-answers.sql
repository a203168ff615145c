-- breaking: older code keeps the answer of a log-in here; now the token follows from the code and the server's key.
DROP TABLE login_answers;
